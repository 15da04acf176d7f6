package turn

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxMessage = 2048 // bytes of a message or a packet of media with its header
	maxQueued  = 512  // packets for a client that does not keep up: a large key frame
)

var (
	errIdle = errors.New("turn: nothing comes through the allocation any more")
	errFull = errors.New("turn: the client takes no more")
)

// relay is one allocation. To pion it is the socket of its relayed address; what is written to it goes into the
// media port at once, and what that has for the client waits in a queue to be read.
type relay struct {
	srv      *Server
	client   client
	home     *net.UDPAddr   // where a client by UDP is; it is made once, not per packet
	at       netip.AddrPort // the relayed address
	queue    chan *datagram
	closed   chan struct{}
	once     sync.Once
	idle     *time.Timer // of the reading goroutine
	up, down *rate.Limiter
	onClose  func() // set by streams.settle, before anything else happens

	mu   sync.Mutex
	ways []*way
}

// datagram is a packet on its way to the client.
type datagram struct {
	from *net.UDPAddr
	n    int
	buf  [maxMessage]byte
}

var datagramPool = sync.Pool{New: func() any { return new(datagram) }}

// way is one address of the media port, as a peer.
type way struct {
	peer netip.AddrPort
	addr *net.UDPAddr
	in   Way
}

func newRelay(s *Server, c client, at netip.AddrPort) *relay {
	limit := s.o.MaxBitrate / 8
	r := &relay{
		srv: s, client: c, home: net.UDPAddrFromAddrPort(c.at), at: at, queue: make(chan *datagram, maxQueued), closed: make(chan struct{}),
		up: rate.NewLimiter(rate.Limit(limit), 2*limit), down: rate.NewLimiter(rate.Limit(limit), 2*limit),
		idle: time.NewTimer(s.o.IdleAfter),
	}
	s.metrics.allocated(c.stream, 1)
	return r
}

// WriteTo takes what the client sends to a peer. It tells no error: what goes nowhere is dropped, as on the network.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	w := r.way(placeOf(to).at)
	if w == nil {
		r.srv.metrics.dropped.peer.Inc()
		return len(b), nil
	}
	r.srv.metrics.bytesUp.Add(float64(len(b)))
	w.in.Deliver(b)
	return len(b), nil
}

// way gives the way to a peer, nil if that is not the media port.
func (r *relay) way(peer netip.AddrPort) *way {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.ways {
		if w.peer == peer {
			return w
		}
	}
	if !slices.Contains(r.srv.o.Media.Addresses(), peer) || len(r.ways) == 64 { // the machine's addresses may change
		return nil
	}
	w := &way{peer: peer, addr: net.UDPAddrFromAddrPort(peer)}
	w.in = r.srv.o.Media.Join(r.at, func(b []byte) error { return r.push(w.addr, b) })
	r.ways = append(r.ways, w)
	return w
}

// push queues a packet of the media port.
func (r *relay) push(from *net.UDPAddr, b []byte) error {
	if len(b) > maxMessage || !r.down.AllowN(time.Now(), len(b)) {
		r.srv.metrics.dropped.rate.Inc()
		return errFull
	}
	select {
	case <-r.closed:
		return net.ErrClosed
	default:
	}
	d := datagramPool.Get().(*datagram)
	d.from, d.n = from, copy(d.buf[:], b)
	select {
	case r.queue <- d:
		return nil
	default:
		datagramPool.Put(d)
		r.srv.metrics.dropped.slow.Inc()
		return errFull
	}
}

// ReadFrom gives the next packet for the client. When there has been none for long, its error ends the allocation.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	r.idle.Reset(r.srv.o.IdleAfter)
	select {
	case d := <-r.queue:
		n, from := copy(b, d.buf[:d.n]), d.from
		datagramPool.Put(d)
		r.srv.metrics.bytesDown.Add(float64(n))
		return n, from, nil
	case <-r.idle.C:
		return 0, nil, errIdle
	case <-r.closed:
		return 0, nil, net.ErrClosed
	}
}

// Close ends the allocation.
func (r *relay) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.srv.metrics.allocated(r.client.stream, -1)
		r.srv.dismiss(r)
		if r.onClose != nil {
			r.onClose()
		}
	})
	return nil
}

// LocalAddr is the relayed address.
func (r *relay) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.at) }

// SetDeadline does nothing, as its two fellows: reads end by the idle time, and writes do not wait.
func (r *relay) SetDeadline(time.Time) error      { return nil }
func (r *relay) SetReadDeadline(time.Time) error  { return nil }
func (r *relay) SetWriteDeadline(time.Time) error { return nil }
