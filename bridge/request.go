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

// onBehalf returns a context for work on what an earlier request asked for, with that one's reference number; a request of its own keeps its own.
func onBehalf(ctx context.Context, reference string) context.Context {
	if reference == "" || RequestFrom(ctx).Reference != "" {
		return ctx
	}
	return WithRequest(ctx, Request{Reference: reference})
}

// RequestFrom returns the request facts of ctx; the zero Request when there are none (jobs).
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
