package bridge

import "context"

// Request is what log lines and the audit trail say of the web request behind a call.
type Request struct {
	Reference string // reference number, the same on page, in log and audit
	Address   string // client address
}

type requestKey struct{}

// WithRequest returns a context that carries r.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom returns the request facts of ctx; the zero Request when there are none (jobs).
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
