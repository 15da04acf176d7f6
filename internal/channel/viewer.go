package channel

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// Viewers knows who may watch.
type Viewers interface {
	// PlaybackKeys gives the account's public keys, of which any may have signed a playback token.
	PlaybackKeys(ctx context.Context) ([]*ecdsa.PublicKey, error)
	// Policy gives a playback restriction policy as it stands now.
	Policy(ctx context.Context, arn string) (Policy, error)
}

// Sealer encrypts what players carry for us. auth.Keyring is one.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// sessionLife is how long a viewer of a private channel may watch on after the token was shown. Sessions
// are no rows anywhere: what a session may do is sealed in its name, so that players go on over a restart
// of the server.
const sessionLife = 48 * time.Hour

// grant is what a playback session of a private channel may do.
type grant struct {
	Until   int64    `json:"u"`           // unix seconds
	Viewer  string   `json:"v,omitempty"` // empty: cannot be revoked
	Version int64    `json:"n,omitempty"`
	Origins []string `json:"o,omitempty"` // each request must carry one of them; empty: none need be carried
	Lines   int      `json:"l,omitempty"` // of the largest picture; 0: any
}

const maxGrant = 16 << 10 // of a token of any length

// grantFor makes the session that a token begins.
func (m *Manager) grantFor(p auth.Playback) grant {
	g := grant{Until: m.d.Now().Add(sessionLife).Unix(), Viewer: p.ViewerID, Version: p.SessionVersion, Lines: lines(p.MaxResolution)}
	if p.Strict {
		g.Origins = p.Origins
	}
	return g
}

// seal makes the name of a session, which nobody else can make and only its channel can read.
func (m *Manager) seal(g grant, channelARN string) (string, error) {
	plain, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	sealed, err := m.d.Sealer.Seal(plain, "playback session "+channelARN)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

var errNoSession = errors.New("no such session")

// unseal reads a session's name.
func (m *Manager) unseal(session, channelARN string) (g grant, err error) {
	if session == "" || len(session) > maxGrant || m.d.Sealer == nil {
		return g, errNoSession
	}
	sealed, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil {
		return g, errNoSession
	}
	plain, err := m.d.Sealer.Open(sealed, "playback session "+channelARN)
	if err != nil {
		return g, errNoSession
	}
	if err := json.Unmarshal(plain, &g); err != nil || m.d.Now().Unix() >= g.Until {
		return g, errNoSession
	}
	return g, nil
}

// verify reads a token for a channel. It is Denied if the token is no good there, and Throttled if too many
// bad ones came from where the request comes from. What costs nothing is looked at first.
func (m *Manager) verify(r *http.Request, token, channelARN string) (auth.Playback, error) {
	if token == "" || m.d.Viewers == nil {
		return auth.Playback{}, fault.AccessDenied("this channel is private: a playback token is needed")
	}
	now := m.d.Now()
	t, err := auth.ReadPlayback(token, now)
	if err != nil {
		return auth.Playback{}, err
	}
	if t.Claims.ChannelARN != channelARN {
		return auth.Playback{}, fault.AccessDenied("the playback token is for another channel")
	}
	keys, err := m.keys.get(r.Context(), m.d.Now, m.d.Viewers.PlaybackKeys)
	if err != nil {
		return auth.Playback{}, err
	}
	if err := m.prover.prove(r.Context(), placeOf(m.clientAddr(r)), token, t, keys, now); err != nil {
		return auth.Playback{}, err
	}
	if m.revoked.holds(channelARN, t.Claims.ViewerID, t.Claims.SessionVersion) {
		return auth.Playback{}, errRevoked
	}
	return t.Claims, nil
}

// useUp marks a token for a single use as used; Denied if it was used before.
func (m *Manager) useUp(ctx context.Context, p auth.Playback) error {
	first, err := m.d.DB.Once(ctx, "playback token", p.ChannelARN+" "+p.SingleUse, p.Expires.Add(clocksApart))
	if err == nil && !first {
		err = fault.AccessDenied("the playback token was for a single use")
	}
	return err
}
