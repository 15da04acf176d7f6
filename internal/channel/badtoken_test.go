package channel_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
)

// Tokens that look good and are signed by a stranger are the dearest to refuse.
func TestTenThousandBadTokensAreRefusedCheaplyAndHurtNobodyElse(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	door := channel.PlaybackPath(h.private.ARN) + "?token="
	known, fresh, elsewhere := h.token("aws:viewer-id", "a"), h.token("aws:viewer-id", "b"), h.token("aws:viewer-id", "c")
	own := h.key
	var err error
	if h.key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	bad := make([]string, 100) // each of them looks new: an answer is kept for good tokens only
	for i := range bad {
		bad[i] = h.token("aws:viewer-session-version", i)
	}
	h.key = own
	const offender, neighbour, other = "2001:db8::bad", "2001:db8::1", "2001:db8:0:1::1"
	if w := askFrom(h, door+known, neighbour); w.Code != 200 {
		t.Fatalf("a good token: %d %s", w.Code, w.Body)
	}

	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for i := range 200 {
				w := askFrom(h, door+bad[i%len(bad)], offender)
				if w.Code == 429 && w.Header().Get("Retry-After") == "" {
					t.Error("a 429 does not say when to come back")
				}
				mu.Lock()
				codes[w.Code]++
				mu.Unlock()
			}
		})
	}
	if w := askFrom(h, door+elsewhere, other); w.Code != 200 {
		t.Errorf("a good token from elsewhere, meanwhile: %d %s", w.Code, w.Body)
	}
	all.Wait()
	// Each 403 was looked at; those under way when the last one failed may be a few more.
	looked := codes[403]
	if looked < 20 || looked > 20+runtime.GOMAXPROCS(0) || codes[429] != 10_000-looked {
		t.Errorf("10,000 bad tokens were answered %v", codes)
	}
	if w := askFrom(h, door+fresh, neighbour); w.Code != 429 {
		t.Errorf("a new token from the same network: %d", w.Code)
	}
	if w := askFrom(h, door+known, neighbour); w.Code != 200 {
		t.Errorf("a known token from the same network: %d", w.Code)
	}
	h.clock.pass(time.Duration(looked-20+1) * 3 * time.Second) // what was looked at beyond twenty is made up for, too
	if w := askFrom(h, door+fresh, neighbour); w.Code != 200 {
		t.Errorf("a moment later: %d", w.Code)
	}
}

// What is refused without a look at the signature is no offence: a page that was open over night sends many.
func TestExpiredTokensAreNoOffence(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	door := channel.PlaybackPath(h.private.ARN) + "?token="
	old := h.token("exp", h.clock.Now().Unix())
	other := h.token("aws:channel-arn", h.spec.ARN)
	for range 100 {
		h.want(403, "an expired token", door+old, "")
		h.want(403, "another channel's token", door+other, "")
		h.want(403, "no token at all", door+"x", "")
	}
	h.want(200, "a good one", door+h.token(), "")
}
