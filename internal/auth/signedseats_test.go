package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestTokenThatACustomerSigned(t *testing.T) {
	ring, err := auth.OpenKeyring(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	seats, err := auth.NewSeats(ring)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	other, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	const stage, kid = "arn:aws:ivs:us-east-1:000000000000:stage/abc", "arn:aws:ivs:us-east-1:000000000000:public-key/def"
	now := time.Unix(1_790_000_000, 0)
	sign := func(change func(header, claims map[string]any)) string {
		claims := jwt.MapClaims{
			"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": "a_b-1", "resource": stage, "topic": "abc",
			"events_url": "wss://e", "whip_url": "https://w", "user_id": "ann", "attributes": map[string]string{"k": "v"},
			"capabilities": map[string]bool{"allow_publish": true}, "version": "1.0",
		}
		token := jwt.NewWithClaims(jwt.SigningMethodES384, claims)
		token.Header["kid"] = kid
		if change != nil {
			change(token.Header, claims)
		}
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := sign(nil)
	if got := seats.SeatKey(good); got != kid {
		t.Errorf("signed with %q", got)
	}
	own, err := seats.Mint(auth.Seat{ParticipantID: "p", Issued: now, Expires: now.Add(time.Hour)})
	if err != nil || seats.SeatKey(own) != "" || seats.SeatKey("a.b.c") != "" || seats.SeatKey("") != "" {
		t.Errorf("a key of what no customer signed: %v", err)
	}
	s, err := seats.VerifySigned(good, &key.PublicKey, now)
	if err != nil || s.ParticipantID != "a_b-1" || s.StageARN != stage || s.StageID != "abc" || s.UserID != "ann" || s.Attributes["k"] != "v" ||
		!s.Publish || s.Subscribe || s.EventsURL != "wss://e" || s.WhipURL != "https://w" || !s.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("got %+v, %v", s, err)
	}
	longest := sign(func(_, c map[string]any) { c["exp"] = now.Add(14 * 24 * time.Hour).Unix() })
	if _, err := seats.VerifySigned(longest, &key.PublicKey, now.Add(13*24*time.Hour)); err != nil {
		t.Errorf("for 14 days: %v", err)
	}
	// The public key is no secret: what is signed with it, as if it were one, or by its private half and another algorithm,
	// or not at all, proves nothing.
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, secret any) string {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(good, claims); err != nil {
			t.Fatal(err)
		}
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = kid
		text, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"with the public key as a secret":          forge(jwt.SigningMethodHS256, der),
		"with the public key's PEM as a secret":    forge(jwt.SigningMethodHS384, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"without a signature":                      forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"by a key of the server's curve":           forge(jwt.SigningMethodES256, small),
		"with the signature of another one's text": good[:strings.LastIndexByte(good, '.')] + longest[strings.LastIndexByte(longest, '.'):],

		"made by this server":    own,
		"of an older version":    sign(func(_, c map[string]any) { c["version"] = "0.3" }),
		"for longer than it may": sign(func(_, c map[string]any) { c["exp"] = now.Add(14*24*time.Hour + time.Second).Unix() }),
		"made tomorrow": sign(func(_, c map[string]any) {
			c["iat"], c["exp"] = now.Add(24*time.Hour).Unix(), now.Add(25*time.Hour).Unix()
		}),
		"without iat":            sign(func(_, c map[string]any) { delete(c, "iat") }),
		"without exp":            sign(func(_, c map[string]any) { delete(c, "exp") }),
		"without jti":            sign(func(_, c map[string]any) { delete(c, "jti") }),
		"with a slash in jti":    sign(func(_, c map[string]any) { c["jti"] = "a/b" }),
		"with a long jti":        sign(func(_, c map[string]any) { c["jti"] = strings.Repeat("x", 65) }),
		"with a long user id":    sign(func(_, c map[string]any) { c["user_id"] = strings.Repeat("x", 129) }),
		"with much to say":       sign(func(_, c map[string]any) { c["attributes"] = map[string]string{"k": strings.Repeat("x", 1024)} }),
		"of another type":        sign(func(h, _ map[string]any) { h["typ"] = "at+jwt" }),
		"with another algorithm": sign(func(h, _ map[string]any) { h["alg"] = "none" }),
		"too long":               sign(func(_, c map[string]any) { c["more"] = strings.Repeat("x", 9000) }),
		"no token":               "a.b.c",
	} {
		if _, err := seats.VerifySigned(token, &key.PublicKey, now); fault.Of(err) != fault.Denied || errors.Is(err, auth.ErrSeatExpired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seats.VerifySigned(good, &other.PublicKey, now); fault.Of(err) != fault.Denied {
		t.Errorf("signed with another key: %v", err)
	}
	if _, err := seats.VerifySigned(good, &key.PublicKey, now.Add(time.Hour)); fault.Of(err) != fault.Denied || !errors.Is(err, auth.ErrSeatExpired) {
		t.Errorf("later: %v", err)
	}
	if _, err := seats.Verify(good, now); fault.Of(err) != fault.Denied {
		t.Errorf("as one that this server made: %v", err)
	}
}

// FuzzSignedSeats reads participant tokens of strangers. None but the one that is signed opens anything, and what is opened is what
// was signed.
func FuzzSignedSeats(f *testing.F) {
	ring, err := auth.OpenKeyring(filepath.Join(f.TempDir(), "keys"))
	if err != nil {
		f.Fatal(err)
	}
	seats, err := auth.NewSeats(ring)
	if err != nil {
		f.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_790_000_000, 0)
	token := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims{
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": "a", "resource": "arn:aws:ivs:us-east-1:000000000000:stage/abc", "topic": "abc", "version": "1.0",
	})
	token.Header["kid"] = "arn:aws:ivs:us-east-1:000000000000:public-key/def"
	good, err := token.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	head, rest, _ := strings.Cut(good, ".")
	body, mark, _ := strings.Cut(rest, ".")
	f.Add(head, body, mark)
	f.Add(head, body, "")
	f.Add("eyJhbGciOiJub25lIn0", body, "")
	f.Add("eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImFybjoifQ", "e30", mark)
	f.Add("eyJhbGciOiJFUzM4NCIsImtpZCI6MX0", "eyJleHAiOjFlOTk5LCJpYXQiOi0xfQ", mark)
	f.Fuzz(func(t *testing.T, head, body, mark string) {
		text := head + "." + body + "." + mark
		if name := seats.SeatKey(text); name != "" && !strings.HasPrefix(name, "arn:") {
			t.Errorf("signed with %q", name)
		}
		seat, err := seats.VerifySigned(text, &key.PublicKey, now)
		switch {
		case err != nil && fault.Of(err) != fault.Denied:
			t.Errorf("%q: %v", text, err)
		case err == nil && (seat.ParticipantID != "a" || seat.StageID != "abc" || seat.Publish || seat.Subscribe):
			t.Errorf("%q opens %+v", text, seat)
		}
	})
}
