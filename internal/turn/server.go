// Package turn is a relay for clients whose network lets them come only this way (TURN, RFC 8656), over UDP, TCP,
// and TLS on the HTTPS port. It relays to the server's own media port and to nobody else, inside the process:
// an allocation has no socket, and what is not for the media port is dropped, wherever it should have gone.
//
// pion/turn speaks the protocol. Who gets in, how much, and where packets go is decided here.
package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
)

const realm = "streamcat"

// Media is the media port: the only peer there is.
type Media struct {
	// Addresses gives those UDP addresses by which clients know it.
	Addresses func() []netip.AddrPort
	// Join makes a way in for a client that the port sees as from. What it has for the client goes to out, which
	// never waits and keeps nothing of what it is given. One goroutine at a time uses the way, and what it delivers is
	// the relay's again afterwards.
	Join func(from netip.AddrPort, out func(b []byte) error) Way
}

// Way takes what a client sends.
type Way interface{ Deliver(b []byte) }

// Options are for New. Tickets and Media must be set, and UDP, TCP or a use for ServeConn.
type Options struct {
	// UDP and TCP are sockets of the relay's own, which it closes; either may be nil.
	UDP     *net.UDPConn
	TCP     net.Listener
	Tickets *Tickets
	Media   Media

	MaxAllocations int // at once; default 2048
	MaxPerUser     int // default 64: a browser makes one for each connection, address of ours and network of its own
	MaxPerAddress  int // of one address, or one IPv6 /64; default 512
	// MaxBitrate is what one allocation may carry each way, in bits per second over two seconds; default 25,000,000.
	// More is dropped, and a TCP connection that brings more is closed.
	MaxBitrate int
	// IdleAfter is how long an allocation lives through which the media port says nothing; default 2 min. It answers
	// only a session's own client, so no allocation outlives its session by more.
	IdleAfter time.Duration
	// Patience is how long a TCP connection may be without an allocation; default 10 s.
	Patience time.Duration

	Registerer prometheus.Registerer // nil: metrics are kept nowhere
}

func (o *Options) defaults() {
	for _, d := range []struct {
		v *int
		d int
	}{{&o.MaxAllocations, 2048}, {&o.MaxPerUser, 64}, {&o.MaxPerAddress, 512}, {&o.MaxBitrate, 25_000_000}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = 2 * time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
}

// Server is a running relay.
type Server struct {
	o         Options
	metrics   *metrics
	strangers *strangers
	inner     *turn.Server
	streams   *streams
	wg        sync.WaitGroup // relays

	mu      sync.RWMutex
	closing bool
	relays  map[place]*relay
	users   map[string]int
	nets    map[netip.Addr]int
	ports   uint16 // the last port of a relayed address
}

// New starts a relay on its sockets.
func New(o Options) (*Server, error) {
	if o.Tickets == nil || o.Tickets.Password == nil || o.Media.Addresses == nil || o.Media.Join == nil {
		return nil, errors.New("turn: tickets and the media port are needed")
	}
	o.defaults()
	s := &Server{
		o: o, metrics: newMetrics(o.Registerer), strangers: newStrangers(),
		relays: map[place]*relay{}, users: map[string]int{}, nets: map[netip.Addr]int{},
	}
	s.streams = newStreams(s)
	conf := turn.ServerConfig{
		Realm: realm, LoggerFactory: silence{}, AuthHandler: s.authenticate, QuotaHandler: s.mayAllocate,
		EventHandler: turn.EventHandler{OnAuth: func(from, _ net.Addr, _, _, _, _ string, good bool) {
			if !good {
				s.badCredentials(from, "credentials")
			}
		}},
		// Without a wish of the client's an allocation is of IPv4 (RFC 8656 §7.2), by whatever it came, as long as the
		// media port has such an address.
		StrictAddressFamily: slices.ContainsFunc(o.Media.Addresses(), func(a netip.AddrPort) bool { return a.Addr().Is4() }),
		InboundMTU:          maxMessage,
		ListenerConfigs:     []turn.ListenerConfig{{Listener: s.streams, RelayAddressGenerator: generator{s}, PermissionHandler: s.mayReach}},
	}
	if o.UDP != nil {
		_ = o.UDP.SetReadBuffer(1 << 20) // as far as the system allows
		_ = o.UDP.SetWriteBuffer(1 << 20)
		conf.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: datagrams{o.UDP, s}, RelayAddressGenerator: generator{s}, PermissionHandler: s.mayReach}}
	}
	var err error
	if s.inner, err = turn.NewServer(conf); err != nil {
		return nil, err
	}
	if o.TCP != nil {
		s.streams.wg.Go(s.streams.accept)
	}
	return s, nil
}

// ServeConn takes over a connection that begins with a STUN message. It returns at once.
func (s *Server) ServeConn(nc net.Conn) { s.streams.take(nc) }

// Close ends all allocations and closes the sockets; it waits for that until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	err := s.inner.Close()
	done := make(chan struct{})
	go func() {
		s.streams.wg.Wait()
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// authenticate gives the key of a user name. Only a new allocation needs one that has not expired: all else is about
// an allocation of the same user, which ends by itself when its session does.
func (s *Server) authenticate(r *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	participant, until, ok := s.o.Tickets.read(r.Username)
	from := placeOf(r.SrcAddr)
	switch {
	case !ok || r.Realm != realm:
		s.badCredentials(r.SrcAddr, "credentials")
		return "", nil, false
	case r.Method == stun.MethodAllocate && s.o.Tickets.now().After(until):
		s.badCredentials(r.SrcAddr, "expired")
		return "", nil, false
	case r.Method == stun.MethodAllocate && from.stream && !s.strangers.allow(from.at.Addr(), 1):
		s.metrics.refused.WithLabelValues("crowd").Inc() // what comes by UDP was counted when it came
		return "", nil, false
	}
	key = turn.GenerateAuthKey(r.Username, realm, s.o.Tickets.Password(r.Username))
	return client{from, participant}.id(), key, true
}

func (s *Server) badCredentials(from net.Addr, why string) {
	s.metrics.refused.WithLabelValues(why).Inc()
	s.strangers.charge(placeOf(from).at.Addr(), badCredentialsCost)
}

// mayReach lets nothing but the media port be a peer. The protocol asks by address alone; relay.WriteTo looks at
// the port, too.
func (s *Server) mayReach(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	ip = ip.Unmap()
	if ok && slices.ContainsFunc(s.o.Media.Addresses(), func(a netip.AddrPort) bool { return a.Addr() == ip }) {
		return true
	}
	s.metrics.refused.WithLabelValues("peer").Inc()
	return false
}
