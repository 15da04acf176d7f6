package channel

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// signedToken is a token and what is read of it.
func signedToken(t *testing.T, key *ecdsa.PrivateKey) (string, *auth.PlaybackToken) {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims{
		"aws:channel-arn": "a", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	read, err := auth.ReadPlayback(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return text, read
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func place(text string) netip.Prefix {
	return placeOf(netip.AddrPortFrom(netip.MustParseAddr(text), 1))
}

func TestAPlaceIsAnAddressOrACustomersNetwork(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2", true},
	} {
		if got := place(c.a) == place(c.b); got != c.same {
			t.Errorf("%s and %s are one place: %v", c.a, c.b, got)
		}
	}
	if placeOf(netip.AddrPort{}) != (netip.Prefix{}) {
		t.Error("nowhere is somewhere")
	}
}

func TestWhoWaitsForASignatureIsBoundedPerPlaceAndInAll(t *testing.T) {
	key := newKey(t)
	token, read := signedToken(t, key)
	keys := []*ecdsa.PublicKey{&key.PublicKey}
	synctest.Test(t, func(t *testing.T) {
		p := newProver()
		for range cap(p.turn) { // all hands are full
			p.turn <- struct{}{}
		}
		ctx, leave := context.WithCancel(t.Context())
		results := make(chan error, waitInAll)
		try := func(from string) {
			go func() { results <- p.prove(ctx, place(from), token, read, keys, time.Now()) }()
		}
		for range waitPerPlace + 1 {
			try("192.0.2.1")
		}
		synctest.Wait()
		if len(results) != 1 || fault.Of(<-results) != fault.Throttled {
			t.Fatalf("%d of one place were refused", len(results)+1)
		}
		for i := range waitInAll - waitPerPlace + 1 {
			try(fmt.Sprintf("10.0.%d.%d", i/200, i%200))
		}
		synctest.Wait()
		if len(results) != 1 || !errors.Is(<-results, errBusy) {
			t.Fatalf("%d of all were refused", len(results)+1)
		}
		leave()
		synctest.Wait()
		if len(results) != waitInAll || p.inAll != 0 || len(p.waiting) != 0 {
			t.Errorf("%d left, %d and %d are still counted", len(results), p.inAll, len(p.waiting))
		}
		<-p.turn
		if err := p.prove(t.Context(), place("192.0.2.1"), token, read, keys, time.Now()); err != nil {
			t.Errorf("whoever has patience: %v", err)
		}
	})
}

func TestWhoFindsTheQueueFullIsToldWhenToComeBack(t *testing.T) {
	m := NewManager(Deps{DB: NewStore(t), Bus: quiet{}})
	defer m.Close(t.Context())
	w := httptest.NewRecorder()
	m.turnAway(w, "a", errBusy)
	if after := w.Header().Get("Retry-After"); w.Code != http.StatusServiceUnavailable || after != "1" {
		t.Errorf("%d, to come back after %q", w.Code, after)
	}
}

func TestWhatIsRememberedOfBadTokensIsBoundedAndFades(t *testing.T) {
	var g generations[int, int]
	begun := time.Now()
	for i := range 100_000 {
		g.put(i, i, 1000, time.Minute, begun)
		if n := len(g.young) + len(g.old); n > 1000 {
			t.Fatalf("%d are kept", n)
		}
		if _, ok := g.get(max(0, i-400)); !ok {
			t.Fatalf("%d was forgotten at %d", i-400, i)
		}
	}
	g.put(0, 0, 1000, time.Minute, begun.Add(time.Minute))
	g.put(1, 1, 1000, time.Minute, begun.Add(2*time.Minute))
	if len(g.young)+len(g.old) != 2 {
		t.Errorf("%d and %d are kept after two lifetimes", len(g.young), len(g.old))
	}
}

// A token that was proven is known again while its key is good.
func TestAProvenTokenNeedsNoSecondLook(t *testing.T) {
	key, other := newKey(t), newKey(t)
	token, read := signedToken(t, key)
	p := newProver()
	at := place("192.0.2.1")
	prove := func(keys ...*ecdsa.PublicKey) error {
		return p.prove(t.Context(), at, token, read, keys, time.Now())
	}
	if err := prove(&other.PublicKey, &key.PublicKey); err != nil {
		t.Fatal(err)
	}
	for range cap(p.turn) {
		p.turn <- struct{}{} // from here on nothing can be looked at
	}
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), raw) // as it is read from the database anew
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(again); err != nil {
		t.Errorf("the second time: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.prove(ctx, at, token, read, []*ecdsa.PublicKey{&other.PublicKey}, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("when its key is gone it is not looked at again: %v", err)
	}
}
