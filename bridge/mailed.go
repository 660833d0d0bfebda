package bridge

// Sent notes that the mail with this link is under way, unless more is known of it already.
func (r Recovery) Sent(hash string) (Recovery, error) {
	if r.Link == nil || !Equal(r.Link.Hash, hash) {
		return r, Fault(CodeNotOpen, "sent", nil)
	}
	l := *r.Link
	if l.Mail == "" {
		l.Unsent = false
	}
	r.Link = &l
	return r, nil
}

// Mailed notes what became of the mail with this link.
func (r Recovery) Mailed(hash string, o MailOutcome) (Recovery, error) {
	if r.State != Waiting || r.Link == nil || !Equal(r.Link.Hash, hash) {
		return r, Fault(CodeNotOpen, "mailed", nil)
	}
	l := *r.Link
	l.Mail, l.Unsent = o, o == MailDropped
	r.Link = &l
	return r, nil
}
