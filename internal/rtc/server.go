package rtc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/fault"
)

// Options is what a Server needs. UDP or TCP, PublicURL, and Publishers or Subscribers must be set.
type Options struct {
	// UDP and TCP are the media port; the server closes them. Either may be nil. TCP is for clients whose
	// network lets no UDP through (ICE-TCP, RFC 6544).
	UDP net.PacketConn
	TCP net.Listener
	// Candidates are the addresses that clients are told, for servers behind a NAT or a relay. Empty: those
	// of the sockets; all of the machine's addresses if they are bound to no particular one.
	Candidates []Candidate
	// PublicURL is what Location begins with, such as "https://live.example".
	PublicURL string

	Publishers  []Publishers // asked in turn until one knows the token
	Subscribers Subscribers  // nil: there is nothing to subscribe to

	// ICEServers gives the relays that a client is told of, by the name of whom it was let in as and the end of that,
	// both as of Seated, and empty for others; nil: there are none.
	ICEServers func(participant string, until time.Time) []ICEServer

	MaxSessions int // running at once; default 4096
	MaxPerIP    int // of one address, or one IPv6 /64; default 512
	// MaxBitrate is what a publisher may send, in bits per second over two seconds; default 20,000,000.
	MaxBitrate int
	// ConnectTimeout is how long a client may take until DTLS is up; default 15 s.
	ConnectTimeout time.Duration
	// LostAfter is how long a client may be silent: no check, no media, no report; default 15 s.
	LostAfter time.Duration

	patience time.Duration // with a TCP connection that is nobody's yet; default 5 s

	// ClientAddr tells where a request comes from, behind proxies that may be believed; nil: its peer.
	ClientAddr func(*http.Request) netip.AddrPort
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are kept nowhere
	Now        func() time.Time
}

func (o *Options) defaults() error {
	if o.UDP == nil && o.TCP == nil {
		return errors.New("rtc: no media port")
	}
	u, err := url.Parse(o.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("rtc: PublicURL is not an http URL")
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	for _, d := range []struct {
		v *int
		d int
	}{{&o.MaxSessions, 4096}, {&o.MaxPerIP, 512}, {&o.MaxBitrate, 20_000_000}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 15 * time.Second
	}
	if o.LostAfter <= 0 {
		o.LostAfter = 15 * time.Second
	}
	if o.patience <= 0 {
		o.patience = strangerPatience
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Server runs the sessions of all publishers and subscribers over one port.
type Server struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	port    *port
	wg      sync.WaitGroup // places that are taken

	mu       sync.Mutex
	closing  bool
	sessions map[string]*session
	perIP    map[netip.Addr]int // sessions, and those that wait for their gate's answer
	taken    int                // sum of perIP
	identity *identity
	found    []Candidate // of the bound addresses, when Options names none
	foundAt  time.Time
}

// NewServer takes over the sockets of o and starts to read them.
func NewServer(o Options) (*Server, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	s := &Server{opts: o, log: o.Log, now: o.Now, metrics: newMetrics(o.Registerer), sessions: map[string]*session{}, perIP: map[netip.Addr]int{}}
	var err error
	if s.identity, err = newIdentity(s.now()); err != nil {
		return nil, err
	}
	if len(s.candidates()) == 0 {
		return nil, errors.New("rtc: the media port has no address that a client could reach")
	}
	var udp udpSocket
	switch c := o.UDP.(type) {
	case nil:
	case *net.UDPConn:
		c.SetReadBuffer(4 << 20) // as far as the system allows
		c.SetWriteBuffer(4 << 20)
		udp = c
	default:
		udp = anyPacketConn{c}
	}
	s.port = newPort(udp, o.TCP, o.patience, o.Log, s.metrics, s.now)
	return s, nil
}

// Shutdown ends all sessions, waits for them, and closes the sockets. When ctx ends before, it closes
// the sockets at once and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for _, one := range s.sessions {
		one.end(ErrShutdown)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.port.close()
	return err
}

// Sessions gives the number of running sessions.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

var errFull = &Refusal{Status: 503, Code: "SERVER_BUSY", RetryAfter: 5 * time.Second, Fault: fault.Down("the server has no room for another session")}

// reserve takes a place for a session that is about to be made. release gives it back.
func (s *Server) reserve(a netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return &Refusal{Status: 503, Code: "SERVER_DRAINING", RetryAfter: time.Second, Fault: fault.Down("the server is going away, connect again")}
	case s.taken >= s.opts.MaxSessions, s.perIP[network(a)] >= s.opts.MaxPerIP:
		return errFull
	}
	s.taken++
	s.wg.Add(1)
	s.perIP[network(a)]++
	return nil
}

func (s *Server) release(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.perIP[network(a)]--; s.perIP[network(a)] <= 0 {
		delete(s.perIP, network(a))
	}
	s.wg.Done()
}

// network is what counts as one client: an IPv4 address, or an IPv6 network of the size that one
// customer gets.
func network(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// open makes a session in a reserved place and starts it. The direction's start has been called when it
// returns, and its ended is called in any case.
func (s *Server) open(o *offer, dir direction, token string, remote netip.Addr, inbox int) *session {
	one := &session{
		id: randomText(18), srv: s, port: s.port, dir: dir, offer: o, setup: "passive",
		identity: s.certificate(), token: sha256.Sum256([]byte(token)), remote: remote, began: s.now(),
		inbox: make(chan *packet, inbox), secured: make(chan *keys), ending: make(chan struct{}), done: make(chan struct{}),
		reached: make(chan struct{}), etag: newETag(),
	}
	if o.setup == "passive" {
		one.setup = "active"
	}
	one.wire = newWire(one)
	s.port.batch.join(one)
	cred := newCredentials(one, o.ice)
	one.current.Store(cred)
	one.heard.Store(one.began.UnixNano())
	dir.start(one)
	s.port.enter(cred)

	s.mu.Lock()
	s.sessions[one.id] = one
	if s.closing {
		one.end(ErrShutdown)
	}
	s.mu.Unlock()
	s.metrics.opened(dir.kind())
	go one.run()
	return one
}

// remove forgets a session that is over and frees its place.
func (s *Server) remove(one *session) {
	s.mu.Lock()
	delete(s.sessions, one.id)
	s.mu.Unlock()
	s.release(one.remote)
	s.metrics.closed(one.dir.kind(), one.reason)
	s.log.Debug("rtc: session ended", "kind", one.dir.kind(), "remote", one.remote, "reason", one.reason, "after", s.now().Sub(one.began))
}

func (s *Server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// certificate gives the certificate to show, a new one every week.
func (s *Server) certificate() *identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.identity.made) > certificateAge {
		if next, err := newIdentity(now); err == nil {
			s.identity = next
		}
	}
	return s.identity
}

// newOrigin gives a session's number in its descriptions (RFC 8866 §5.2), which is no secret.
func newOrigin() uint64 {
	var id [8]byte
	rand.Read(id[:])
	return binary.BigEndian.Uint64(id[:]) >> 2
}

// describe writes the answer to a session's offer.
func (s *Server) describe(one *session, origin uint64, publishing bool, senders []*sender) string {
	c := one.current.Load()
	a := answer{
		session: origin, ufrag: c.ufrag, pwd: c.pwd, setup: one.setup,
		fingerprint: one.identity.fingerprint, candidates: s.candidates(), publishing: publishing, senders: senders,
	}
	return a.write(one.offer)
}

// candidates gives what clients are told. A machine's addresses are looked up again from time to time.
func (s *Server) candidates() []Candidate {
	if len(s.opts.Candidates) > 0 {
		return s.opts.Candidates
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.found == nil || now.Sub(s.foundAt) > 30*time.Second {
		s.found, s.foundAt = findCandidates(s.opts.UDP, s.opts.TCP), now
	}
	return s.found
}

// findCandidates gives the addresses of two sockets.
func findCandidates(udp net.PacketConn, tcp net.Listener) []Candidate {
	var list []Candidate
	add := func(at net.Addr, set func(*Candidate, uint16)) {
		var ap netip.AddrPort
		switch a := at.(type) {
		case *net.UDPAddr:
			ap = a.AddrPort()
		case *net.TCPAddr:
			ap = a.AddrPort()
		default:
			return
		}
		ips := []netip.Addr{ap.Addr().Unmap()}
		if ap.Addr().IsUnspecified() {
			ips = machineAddresses(ap.Addr().Unmap().Is4())
		}
		for _, ip := range ips {
			i := slices.IndexFunc(list, func(c Candidate) bool { return c.IP == ip })
			if i < 0 {
				i = len(list)
				list = append(list, Candidate{IP: ip})
			}
			set(&list[i], ap.Port())
		}
	}
	if udp != nil {
		add(udp.LocalAddr(), func(c *Candidate, port uint16) { c.UDP = port })
	}
	if tcp != nil {
		add(tcp.Addr(), func(c *Candidate, port uint16) { c.TCP = port })
	}
	return list
}

// machineAddresses lists the addresses that others may reach this machine at, and its own loopback when
// there is none. Link-local addresses mean nothing without a zone, so they are left out.
func machineAddresses(only4 bool) []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list, own []netip.Addr
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if ip = ip.Unmap(); !ok || ip.IsLinkLocalUnicast() || only4 && !ip.Is4() {
			continue
		}
		if ip.IsLoopback() {
			own = append(own, ip)
		} else {
			list = append(list, ip)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() }) // IPv4 first
	if len(list) == 0 {
		list = own
	}
	return list[:min(len(list), 16)]
}
