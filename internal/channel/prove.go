package channel

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// What a signature costs to refuse is a millisecond or more, and anybody may send one: so few are looked at
// at a time, and whoever sends bad ones is not listened to for a while.
const (
	badAtOnce    = 20              // bad signatures that one address may send in a row
	badAgain     = 3 * time.Second // and then one more in this time
	forgetBad    = badAtOnce * badAgain
	maxBad       = 1 << 16 // addresses that are remembered
	maxProven    = 1 << 12 // tokens that need no second look
	waitPerPlace = 64      // tokens of one address that wait for their turn
	waitInAll    = 1024
)

var (
	errBadTokens = fault.TooFast(badAtOnce, "too many bad playback tokens came from this address; wait a moment")
	errBusy      = fault.Down("too many playback tokens are waiting to be looked at")
)

// prover sees who signed playback tokens, at a cost that is bounded for all and for each client address.
type prover struct {
	turn chan struct{} // one for each signature that is being looked at

	mu      sync.Mutex
	bad     generations[netip.Prefix, allowance]
	proven  generations[[sha256.Size]byte, *ecdsa.PublicKey] // who signed a token, by its digest
	waiting map[netip.Prefix]int
	inAll   int
}

// allowance is how many bad tokens an address may still send.
type allowance struct {
	left float64
	at   time.Time
}

func newProver() *prover {
	return &prover{
		turn:    make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		waiting: map[netip.Prefix]int{},
	}
}

// prove says whether one of the keys has signed a token that came from an address: Denied if none has,
// Throttled if too many from there were signed by none.
func (p *prover) prove(ctx context.Context, from netip.Prefix, token string, t *auth.PlaybackToken, keys []*ecdsa.PublicKey, now time.Time) error {
	digest := sha256.Sum256([]byte(token))
	if p.knows(digest, keys) {
		return nil
	}
	if err := p.queue(from, now); err != nil {
		return err
	}
	defer p.leave(from)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !p.mayTry(from, now) { // others from there were bad meanwhile
		return errBadTokens
	}
	key := t.SignedBy(keys)
	p.mu.Lock()
	defer p.mu.Unlock()
	if key == nil {
		a := p.allowance(from, now)
		a.left--
		p.bad.put(from, a, maxBad, forgetBad, now)
		return fault.AccessDenied("the playback token is not valid")
	}
	p.proven.put(digest, key, maxProven, forgetBad, now)
	return nil
}

// knows says whether a token was proven before, by a key that is still good.
func (p *prover) knows(digest [sha256.Size]byte, keys []*ecdsa.PublicKey) bool {
	p.mu.Lock()
	signer, ok := p.proven.get(digest)
	p.mu.Unlock()
	if !ok {
		return false
	}
	for _, key := range keys {
		if key != nil && key.Equal(signer) {
			return true
		}
	}
	return false
}

// queue lets a token wait for its turn.
func (p *prover) queue(from netip.Prefix, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.allowance(from, now).left < 1, p.waiting[from] >= waitPerPlace:
		return errBadTokens
	case p.inAll >= waitInAll:
		return errBusy
	}
	p.waiting[from]++
	p.inAll++
	return nil
}

func (p *prover) leave(from netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inAll--
	if p.waiting[from]--; p.waiting[from] == 0 {
		delete(p.waiting, from)
	}
}

func (p *prover) mayTry(from netip.Prefix, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.allowance(from, now).left >= 1
}

// allowance is what an address has now. The caller holds mu.
func (p *prover) allowance(from netip.Prefix, now time.Time) allowance {
	a, ok := p.bad.get(from)
	if !ok {
		return allowance{badAtOnce, now}
	}
	if passed := now.Sub(a.at); passed > 0 {
		a = allowance{min(badAtOnce, a.left+float64(passed)/float64(badAgain)), now}
	}
	return a
}

// placeOf names where a client is: an IPv4 address, or an IPv6 network of the size that one customer gets.
// What is no network peer is one place.
func placeOf(client netip.AddrPort) netip.Prefix {
	a := client.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// clientAddr is where a request comes from.
func (m *Manager) clientAddr(r *http.Request) netip.AddrPort {
	if m.d.ClientAddr != nil {
		return m.d.ClientAddr(r)
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero one is nowhere
	return at
}

// generations is a map that forgets: what was not put again for one to two lifetimes is gone, and sooner
// where more came than it may hold. The zero one is empty.
type generations[K comparable, V any] struct {
	young, old map[K]V
	turned     time.Time
}

func (g *generations[K, V]) get(k K) (V, bool) {
	if v, ok := g.young[k]; ok {
		return v, true
	}
	v, ok := g.old[k]
	return v, ok
}

func (g *generations[K, V]) put(k K, v V, most int, life time.Duration, now time.Time) {
	if g.young == nil || len(g.young) >= most/2 || now.Sub(g.turned) >= life {
		g.young, g.old, g.turned = map[K]V{}, g.young, now
	}
	g.young[k] = v
}
