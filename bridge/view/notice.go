package view

import (
	"fmt"

	"otpbridge/bridge"
)

// Notice renders a notice of the domain in the person's language, in all when that is unknown. Links are built from the site's
// base URL and nothing else.
func (v *View) Notice(n bridge.Notice) (Message, error) {
	m, err := v.mailFor(n)
	if err != nil {
		return Message{}, err
	}
	switch m.(type) {
	case CallMail, DeskMail:
		return v.Mail(v.site.Languages[:1], m) // a language of the notice is the caller's, and one of the facts
	}
	return v.Mail(v.MailLanguages(n.Language), m)
}

func (v *View) mailFor(n bridge.Notice) (Mail, error) {
	if m := v.temporaryMailFor(n); m != nil {
		return m, nil
	}
	asked := Asked{When: n.At, From: n.Origin, Way: n.Way}
	veto := v.site.BaseURL + "/veto/" + n.Veto.Reveal()
	switch n.Kind {
	case bridge.NoticeLink:
		if n.Link == "" {
			return nil, fmt.Errorf("mail %s: no link", n.Kind)
		}
		return LinkMail{Name: n.Name, Link: v.site.BaseURL + "/link/" + n.Link.Reveal(), Until: n.Expires, Asked: asked,
			Veto: veto, Objection: n.Objection, Reference: n.Reference}, nil
	case bridge.NoticeRequest:
		return RequestMail{Name: n.Name, Today: n.Today, Asked: asked, Veto: veto, Objection: n.Objection, Reference: n.Reference}, nil
	case bridge.NoticeCompleted:
		return CompletedMail{Name: n.Name, Asked: asked, Label: n.Label, Reference: n.Reference}, nil
	case bridge.NoticeLocked:
		return LockedMail{Name: n.Name, Asked: asked, Kept: n.Kept, Page: v.site.BaseURL + "/", Reference: n.Reference}, nil
	case bridge.NoticeCodes, bridge.NoticeCodesBack:
		return CodesMail{Name: n.Name, At: n.At, Back: n.Kind == bridge.NoticeCodesBack, Reference: n.Reference}, nil
	case bridge.NoticeAddressCode:
		return AddressCodeMail{Code: n.Code.Reveal(), Until: n.Expires, Reference: n.Reference}, nil
	case bridge.NoticeChanged:
		return ChangedMail{Name: n.Name, At: n.At, Kind: n.Change, Address: n.Address, Label: n.Label, Reference: n.Reference}, nil
	case bridge.NoticeCancelled:
		return CancelledMail{Name: n.Name, Today: n.Today, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeGateShut:
		return GateMail{Name: n.Name, At: n.At, Reference: n.Reference}, nil
	}
	return v.deskMailFor(n)
}

// deskMailFor makes the mails of the help desk's way.
func (v *View) deskMailFor(n bridge.Notice) (Mail, error) {
	asked := Asked{When: n.At, From: n.Origin, Way: n.Way}
	veto := ""
	if n.Veto != "" {
		veto = v.site.BaseURL + "/veto/" + n.Veto.Reveal()
	}
	switch n.Kind {
	case bridge.NoticeDeskVetoed:
		return DeskMail{Kind: DeskVetoed, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskObjected:
		return DeskMail{Kind: DeskObjected, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskOne:
		return DeskMail{Kind: DeskOneAddr, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskFirst:
		return DeskMail{Kind: DeskFirst, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskCode:
		return DeskMail{Kind: DeskCode, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskToday:
		return DeskMail{Kind: DeskToday, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskTemporary:
		return DeskMail{Kind: DeskTemp, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticeDeskGate:
		return DeskMail{Kind: DeskGate, At: n.At, Reference: n.Reference}, nil
	case bridge.NoticePermit:
		return PermitMail{Name: n.Name, At: n.At, Until: n.NotAfter, Reference: n.Reference}, nil
	case bridge.NoticeCall:
		return CallMail{Today: n.Today, At: n.At, Language: n.Language, Console: v.site.BaseURL + "/desk", Reference: n.Reference}, nil
	case bridge.NoticeApproved:
		return ApprovedMail{Name: n.Name, Today: n.Today, Asked: asked, Veto: veto, Objection: n.Objection, Reference: n.Reference}, nil
	case bridge.NoticeDenied:
		return DeniedMail{Name: n.Name, Today: n.Today, Asked: asked, Reference: n.Reference}, nil
	case bridge.NoticeDelay:
		return DelayMail{Name: n.Name, Asked: asked, NotBefore: n.NotBefore, Veto: veto, Objection: n.Objection, Reference: n.Reference}, nil
	}
	return nil, fmt.Errorf("mail %q: unknown kind", n.Kind)
}
