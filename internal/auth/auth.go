// Package auth says who may: it verifies signed API requests, seals and looks up the server's secrets,
// makes and checks participant tokens and chat passes, checks playback tokens, and hashes passwords.
//
// It owns the server's own keys (Keyring) and nothing else that lasts: access keys, users and the list
// of passes already used live in the database, and whoever needs them asks through a small interface.
// A refusal tells the caller which rule was broken; it never carries a secret, a token or a signature.
package auth

import "context"

// Principal is who sent a verified request.
type Principal struct {
	AccountID   string // 12 digits
	AccessKeyID string
	Root        bool    // the server's own key, which may do everything
	Policy      *Policy // what the key may do; nil: everything
}

type principalKey struct{}

// WithPrincipal makes a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf gives the principal that ctx carries, and whether there is one.
func PrincipalOf(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
