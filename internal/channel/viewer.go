package channel

import (
	"context"
	"crypto/ecdsa"
)

// Viewers knows who may watch.
type Viewers interface {
	// PlaybackKeys gives the account's public keys, of which any may have signed a playback token.
	PlaybackKeys(ctx context.Context) ([]*ecdsa.PublicKey, error)
	// Policy gives a playback restriction policy as it stands now.
	Policy(ctx context.Context, arn string) (Policy, error)
}

// Policy is a playback restriction policy. An empty list allows everything.
type Policy struct {
	AllowedCountries, AllowedOrigins []string
	StrictOrigin                     bool // every request must carry an allowed origin
}
