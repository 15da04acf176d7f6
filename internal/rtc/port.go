package rtc

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxPacket bounds a datagram and a frame of ICE-TCP, in bytes. Media keeps to 1,500; what is longer is
	// nobody's media.
	maxPacket = 2048
	// addressesPerSession bounds how many of a client's addresses are remembered: those of its interfaces,
	// and what a NAT makes of them over time.
	addressesPerSession = 16
)

// packet is one datagram on its way to its session, in memory that goes from hand to hand.
type packet struct {
	buf [maxPacket]byte
	n   int
	at  time.Time
	by  route
}

var packetPool = sync.Pool{New: func() any { return new(packet) }}

// route is how a session's client is reached: an address of the UDP port, a TCP connection, or an inlet.
type route struct {
	addr netip.AddrPort
	over carrier // nil: the UDP port
}

// carrier takes packets to one client. send never waits; it is a *tcpConn or an *Inlet.
type carrier interface{ send(b []byte) error }

// udpSocket is what is used of a *net.UDPConn.
type udpSocket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
	Close() error
}

// port is the one UDP port, and the TCP port of the same purpose, that all sessions share. It knows
// sessions by the user name of their ICE checks, and then by the client's address. What belongs to no
// session is dropped without an answer, so nobody's address can be flooded through it.
//
// mu comes after session.mu.
type port struct {
	udp      udpSocket
	tcp      net.Listener
	patience time.Duration
	batch    *batcher
	segments *segmenter // nil: packets go one by one
	log      *slog.Logger
	metrics  *metrics
	now      func() time.Time
	wg       sync.WaitGroup

	mu    sync.RWMutex
	names map[string]*credentials // by our ufrag
	addrs map[netip.AddrPort]*session
	conns map[*tcpConn]struct{}
	tcpBy map[netip.Addr]int // TCP connections that are no session's yet, by network
	shut  bool
}

func newPort(udp udpSocket, tcp net.Listener, patience time.Duration, log *slog.Logger, m *metrics, now func() time.Time) *port {
	p := &port{
		udp: udp, tcp: tcp, patience: patience, log: log, metrics: m, now: now,
		names: map[string]*credentials{}, addrs: map[netip.AddrPort]*session{},
		conns: map[*tcpConn]struct{}{}, tcpBy: map[netip.Addr]int{},
	}
	if c, ok := udp.(*net.UDPConn); ok {
		p.segments = newSegmenter(c)
	}
	p.batch = newBatcher(p)
	if udp != nil {
		p.wg.Go(p.readUDP)
	}
	if tcp != nil {
		p.wg.Go(p.acceptTCP)
	}
	return p
}

// close ends the port and waits for its goroutines. Sessions are gone by then.
func (p *port) close() {
	p.mu.Lock()
	p.shut = true
	conns := p.conns
	p.conns = map[*tcpConn]struct{}{}
	p.mu.Unlock()
	p.batch.close()
	if p.udp != nil {
		p.udp.Close()
	}
	if p.tcp != nil {
		p.tcp.Close()
	}
	for c := range conns {
		c.close()
	}
	p.wg.Wait()
}

func (p *port) closed() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.shut
}

// readUDP takes every datagram that comes in.
func (p *port) readUDP() {
	var wait time.Duration
	var check checker
	pk := packetPool.Get().(*packet)
	for {
		n, from, err := p.udp.ReadFromUDPAddrPort(pk.buf[:])
		if err != nil {
			if errors.Is(err, net.ErrClosed) || p.closed() {
				return
			}
			// What the network says of an earlier datagram, or a machine out of buffers: both pass.
			wait = min(max(2*wait, time.Millisecond), time.Second)
			p.log.Debug("rtc: reading the media port failed, trying again", "error", err)
			time.Sleep(wait)
			continue
		}
		wait = 0
		if n == 0 || n == maxPacket {
			p.metrics.dropped.odd.Inc()
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		pk.n, pk.at, pk.by = n, p.now(), route{addr: from}
		if pk.buf[0] < 4 { // STUN (RFC 7983 §7)
			check.judge(p, pk.buf[:n], pk.by)
			continue
		}
		s := p.owner(from)
		if s == nil {
			p.metrics.dropped.stranger.Inc()
			continue
		}
		if s.deliver(pk) {
			pk = packetPool.Get().(*packet)
		}
	}
}

// enter makes a session known by its credentials.
func (p *port) enter(c *credentials) {
	p.mu.Lock()
	p.names[c.ufrag] = c
	p.mu.Unlock()
}

// leave forgets credentials that are no longer good.
func (p *port) leave(c *credentials) {
	p.mu.Lock()
	delete(p.names, c.ufrag)
	p.mu.Unlock()
}

func (p *port) find(ufrag []byte) *credentials {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.names[string(ufrag)]
}

// learn says that datagrams from an address are a session's. The newest proof counts: a NAT may give
// the address of a dead session to a new one.
func (p *port) learn(addr netip.AddrPort, s *session) {
	p.mu.Lock()
	p.addrs[addr] = s
	p.mu.Unlock()
}

// owner gives the session that an address belongs to, or nil.
func (p *port) owner(addr netip.AddrPort) *session {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.addrs[addr]
}

// forget undoes learn, unless the address has gone to another session.
func (p *port) forget(s *session, addrs ...netip.AddrPort) {
	p.mu.Lock()
	for _, a := range addrs {
		if p.addrs[a] == s {
			delete(p.addrs, a)
		}
	}
	p.mu.Unlock()
}

// anyPacketConn makes a udpSocket of a net.PacketConn that is no *net.UDPConn, such as an impaired one
// in a test.
type anyPacketConn struct{ net.PacketConn }

func (c anyPacketConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFrom(b)
	if a, ok := from.(*net.UDPAddr); ok {
		return n, a.AddrPort(), err
	}
	return 0, netip.AddrPort{}, err
}

func (c anyPacketConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	return c.WriteTo(b, net.UDPAddrFromAddrPort(addr))
}
