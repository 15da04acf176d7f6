package turn

import (
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// place is where a client comes from.
type place struct {
	at     netip.AddrPort
	stream bool // TCP or TLS
}

func placeOf(a net.Addr) (p place) {
	switch a := a.(type) {
	case *net.UDPAddr:
		p.at = a.AddrPort()
	case *net.TCPAddr:
		p.at, p.stream = a.AddrPort(), true
	}
	p.at = unmap(p.at)
	return p
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// client is who asks for an allocation. pion knows users by a string, so that is what it is made of and read from.
type client struct {
	place
	participant string
}

func (c client) id() string {
	network := "udp"
	if c.stream {
		network = "tcp"
	}
	return network + " " + c.at.String() + " " + c.participant
}

func readClient(id string) (c client, err error) {
	network, rest, _ := strings.Cut(id, " ")
	at, participant, ok := strings.Cut(rest, " ")
	if !ok {
		return c, errNobody
	}
	c.stream, c.participant = network == "tcp", participant
	c.at, err = netip.ParseAddrPort(at)
	return c, err
}

var (
	errNobody  = errors.New("turn: an allocation is for somebody")
	errClosing = errors.New("turn: the relay is going away")
	errQuota   = errors.New("turn: there is no room for another allocation")
	errFamily  = errors.New("turn: the media port has no address of this family")
	errOnlyUDP = errors.New("turn: peers are reached by UDP only")
)

// full says which quota a client has used up; empty for none. mu is held.
func (s *Server) full(c client) string {
	switch {
	case len(s.relays) >= s.o.MaxAllocations:
		return "total"
	case s.users[c.participant] >= s.o.MaxPerUser:
		return "user"
	case s.nets[network(c.at.Addr())] >= s.o.MaxPerAddress:
		return "address"
	}
	return ""
}

// mayAllocate answers before an allocation is made, so that the client hears why there is none.
func (s *Server) mayAllocate(userID, _ string, _ net.Addr) bool {
	c, err := readClient(userID)
	if err != nil {
		return false
	}
	s.mu.RLock()
	why := s.full(c)
	s.mu.RUnlock()
	if why != "" {
		s.metrics.refused.WithLabelValues(why).Inc()
	}
	return why == ""
}

// admit gives a client a relay of an address family.
func (s *Server) admit(c client, v4 bool) (*relay, error) {
	var ip netip.Addr
	for _, a := range s.o.Media.Addresses() {
		if a.Addr().Is4() == v4 {
			ip = a.Addr()
			break
		}
	}
	if !ip.IsValid() {
		s.metrics.refused.WithLabelValues("family").Inc()
		return nil, errFamily
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, errClosing
	}
	why := s.full(c)
	if s.relays[c.place] != nil { // its last one is about to go
		why = "place"
	}
	if why != "" {
		s.metrics.refused.WithLabelValues(why).Inc()
		return nil, errQuota
	}
	// Nobody but the media port ever sees this address, and it goes by the inlet; any port will do.
	s.ports++
	r := newRelay(s, c, netip.AddrPortFrom(ip, 49152|s.ports))
	s.relays[c.place] = r
	s.users[c.participant]++
	s.nets[network(c.at.Addr())]++
	s.wg.Add(1)
	return r, nil
}

// dismiss gives a relay's room back.
func (s *Server) dismiss(r *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.relays, r.client.place)
	count(s.users, r.client.participant)
	count(s.nets, network(r.client.at.Addr()))
	s.wg.Done()
}

// count takes one away.
func count[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// find gives the relay of whoever is at a place, or nil.
func (s *Server) find(p place) *relay {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.relays[p]
}

// generator makes relays where pion wants sockets. It gives no port that is asked for (EVEN-PORT), and none for TCP
// (RFC 6062).
type generator struct{ *Server }

func (generator) Validate() error { return nil }

func (g generator) AllocatePacketConn(a turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	c, err := readClient(a.UserID)
	if err == nil && a.RequestedPort != 0 {
		err = errQuota
	}
	if err != nil {
		g.metrics.refused.WithLabelValues("port").Inc()
		return nil, nil, err
	}
	r, err := g.admit(c, a.Network == "udp4")
	if err != nil {
		return nil, nil, err
	}
	g.streams.settle(c.place, r)
	return r, r.LocalAddr(), nil
}

func (g generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	g.metrics.refused.WithLabelValues("port").Inc()
	return nil, nil, errOnlyUDP
}

func (g generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errOnlyUDP }

const (
	strangerBuckets    = 1024
	strangerRate       = 50 // messages a second; an allocation takes half a dozen
	strangerBurst      = 200
	badCredentialsCost = 20
)

// strangers bounds what those without an allocation may cause: answers, and work on their credentials. Networks
// share a fixed number of budgets, so that a crowd of forged addresses costs no memory, and cannot tell whose it empties.
type strangers struct {
	seed    maphash.Seed
	buckets [strangerBuckets]*rate.Limiter
}

func newStrangers() *strangers {
	s := &strangers{seed: maphash.MakeSeed()}
	for i := range s.buckets {
		s.buckets[i] = rate.NewLimiter(strangerRate, strangerBurst)
	}
	return s
}

func (s *strangers) of(a netip.Addr) *rate.Limiter {
	return s.buckets[maphash.Comparable(s.seed, network(a))%strangerBuckets]
}

// allow says whether a message may be answered.
func (s *strangers) allow(a netip.Addr, cost int) bool { return s.of(a).AllowN(time.Now(), cost) }

// charge takes from a budget what may not be there: it has to come back first.
func (s *strangers) charge(a netip.Addr, cost int) { s.of(a).ReserveN(time.Now(), cost) }

// network is what counts as one client: an IPv4 address, or an IPv6 network of the size that one customer gets.
func network(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
