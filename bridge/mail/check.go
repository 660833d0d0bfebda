package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"time"

	"otpbridge/bridge"
)

// Resolver is the part of *net.Resolver that the checks ask. A name that does not exist is a *net.DNSError with IsNotFound.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// lookPatience is how long names are looked up: less than a run of the doctor takes, so that a resolver which does not answer is told from that.
const lookPatience = 4 * time.Second

// Checks looks at the mail server, up to the sign-in, and at what the sender's domain says about itself. No mail is sent.
func (q *Queue) Checks(r Resolver) []bridge.Check {
	from := domain(q.c.From.Address)
	return []bridge.Check{
		{Name: "mail-server", Run: q.server.examine},
		{Name: "mail-domain", Run: func(ctx context.Context) ([]bridge.Finding, error) {
			ctx, cancel := context.WithTimeout(ctx, lookPatience)
			defer cancel()
			found, err := examineDomain(ctx, r, from)
			if err != nil {
				err = bridge.NotChecked(bridge.UncheckedUnknown, "dns") // what it says are hints: where nobody looks names up they are missing each time
			}
			return found, err
		}},
		{Name: "mail-dkim", Run: func(context.Context) ([]bridge.Finding, error) {
			return nil, bridge.NotChecked(bridge.UncheckedUnknown, "dkim") // nobody can list a domain's selectors
		}},
	}
}

// examine connects and signs in as for a mail, and says goodbye. A server that says nothing within our own time limit is away.
func (s server) examine(whole context.Context) ([]bridge.Finding, error) {
	ctx, cancel := context.WithTimeout(whole, s.timeout)
	defer cancel()
	session, conn, err := s.connect(ctx)
	if conn != nil {
		defer conn.Close() //nolint:errcheck // nothing was sent that could be lost
	}
	if err == nil {
		_ = session.Quit() // it was there, which is all that was asked
		return nil, nil
	}
	if whole.Err() != nil {
		return nil, whole.Err()
	}
	return []bridge.Finding{bridge.Found(faultOf(err), s.host)}, nil
}

// faultOf says what kept us from the server.
func faultOf(err error) bridge.FindingID {
	_, badName := errors.AsType[x509.HostnameError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, refused := errors.AsType[*tls.CertificateVerificationError](err)
	answer, answered := errors.AsType[*textproto.Error](err)
	switch {
	case badName || unknown || invalid || refused:
		return bridge.FindMailCertificate
	case answered && (answer.Code == 535 || answer.Code == 534 || answer.Code == 538 || answer.Code == 454):
		return bridge.FindMailSignIn
	case strings.Contains(err.Error(), "STARTTLS"):
		return bridge.FindMailPlain
	}
	return bridge.FindMailAway
}

// examineDomain looks for what keeps others from sending in our name, and our mail out of spam folders. Records of a parent domain count for
// DMARC, as it says.
func examineDomain(ctx context.Context, r Resolver, from string) (found []bridge.Finding, err error) {
	spf, err := records(ctx, r, from, "v=spf1")
	if err != nil {
		return nil, err
	}
	if len(spf) == 0 {
		found = append(found, bridge.Found(bridge.FindMailSPF, from))
	}
	enforced := false
	for name := from; strings.Contains(name, ".") && !enforced; _, name, _ = strings.Cut(name, ".") {
		policies, err := records(ctx, r, "_dmarc."+name, "v=DMARC1")
		if err != nil {
			return found, err
		}
		if len(policies) > 0 {
			enforced = enforces(policies[0], name != from)
			break
		}
	}
	if !enforced {
		found = append(found, bridge.Found(bridge.FindMailDMARC, from))
	}
	takes, err := takesMail(ctx, r, from)
	if err == nil && !takes {
		found = append(found, bridge.Found(bridge.FindMailDomain, from))
	}
	return found, err
}

// enforces reports whether a DMARC record asks for more than reports; for a subdomain its sp rules, if there is one.
func enforces(record string, inherited bool) bool {
	tags := map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(part, "=")
		tags[strings.TrimSpace(name)] = strings.ToLower(strings.TrimSpace(value))
	}
	policy := tags["p"]
	if sub, ok := tags["sp"]; ok && inherited {
		policy = sub
	}
	return policy == "quarantine" || policy == "reject"
}

// records returns the TXT records of a name that begin with a version. A name that does not exist has none.
func records(ctx context.Context, r Resolver, name, version string) (found []string, err error) {
	all, err := r.LookupTXT(ctx, name)
	if missing(err) {
		return nil, nil
	}
	for _, one := range all {
		if strings.HasPrefix(strings.ToLower(one), strings.ToLower(version)) {
			found = append(found, one)
		}
	}
	return found, err
}

// takesMail reports whether answers to the domain arrive somewhere. An MX record of "." says that they do not.
func takesMail(ctx context.Context, r Resolver, name string) (bool, error) {
	mx, err := r.LookupMX(ctx, name)
	if err == nil && len(mx) > 0 {
		return mx[0].Host != ".", nil
	}
	if err != nil && !missing(err) {
		return false, err
	}
	hosts, err := r.LookupHost(ctx, name)
	if missing(err) {
		return false, nil
	}
	return len(hosts) > 0, err
}

func missing(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}
