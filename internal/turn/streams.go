package turn

import (
	"container/list"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	minMessage     = 20       // bytes of a STUN header
	maxWaiting     = 512      // connections without an allocation; the oldest goes when another comes
	strangerBytes  = 16 << 10 // what one may send until it has an allocation
	connectionCost = 5        // of a stranger's budget
	writeDeadline  = 10 * time.Second
)

var errFlood = errors.New("turn: the client sends more than is allowed")

// streams are the connections by TCP and TLS. It is the listener that pion accepts them from.
type streams struct {
	srv    *Server
	next   chan *stream
	closed chan struct{}
	wg     sync.WaitGroup // connections, and the accepting goroutine

	mu      sync.Mutex
	closing bool
	open    map[*stream]struct{}
	at      map[place]*stream
	waiting list.List // of *stream without an allocation, the oldest first
}

func newStreams(s *Server) *streams {
	return &streams{srv: s, next: make(chan *stream), closed: make(chan struct{}), open: map[*stream]struct{}{}, at: map[place]*stream{}}
}

// stream is one connection.
type stream struct {
	net.Conn
	set   *streams
	place place
	bytes int // read without an allocation; of the reading goroutine
	relay atomic.Pointer[relay]
	once  sync.Once
	seat  *list.Element // among those that wait; nil: it has an allocation. Guarded by streams.mu.
}

// accept takes plain TCP connections.
func (s *streams) accept() {
	var wait time.Duration
	for {
		nc, err := s.srv.o.TCP.Accept()
		switch {
		case err == nil:
			wait = 0
			s.take(nc)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		// Out of descriptors, or a connection that died in the queue: both pass.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(wait):
		case <-s.closed:
		}
	}
}

// take lets a connection in.
func (s *streams) take(nc net.Conn) {
	c := &stream{Conn: nc, set: s, place: placeOf(nc.RemoteAddr())}
	if !c.place.at.IsValid() || !s.srv.strangers.allow(c.place.at.Addr(), connectionCost) {
		s.srv.metrics.refused.WithLabelValues("crowd").Inc()
		c.shut()
		return
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		c.shut()
		return
	}
	var oldest *stream
	if s.waiting.Len() >= maxWaiting {
		oldest = s.waiting.Front().Value.(*stream)
	}
	c.seat = s.waiting.PushBack(c)
	s.open[c] = struct{}{}
	s.at[c.place] = c
	s.wg.Add(1)
	s.mu.Unlock()
	s.srv.metrics.connections.Inc()
	if oldest != nil {
		s.srv.metrics.refused.WithLabelValues("crowd").Inc()
		oldest.Close()
	}
	_ = c.SetReadDeadline(time.Now().Add(s.srv.o.Patience)) // fails only where reading will
	select {
	case s.next <- c:
	case <-s.closed:
		c.Close()
	}
}

// settle notes that the connection at a place has an allocation, and until when.
func (s *streams) settle(p place, r *relay) {
	if !p.stream {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.at[p]
	if c == nil {
		return // it is closing, and pion ends its allocation
	}
	c.unseat()
	c.relay.Store(r)
	_ = c.SetReadDeadline(time.Time{}) // from here on the allocation knows when it is idle
	r.onClose = func() { s.unsettle(c) }
}

// unsettle lets a connection wait for another allocation.
func (s *streams) unsettle(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.relay.Store(nil)
	if _, open := s.open[c]; open && c.seat == nil {
		c.seat = s.waiting.PushBack(c)
		_ = c.SetReadDeadline(time.Now().Add(s.srv.o.Patience))
	}
}

// unseat ends the waiting; streams.mu is held.
func (c *stream) unseat() {
	if c.seat != nil {
		c.set.waiting.Remove(c.seat)
		c.seat = nil
	}
}

// Read closes a flood by failing.
func (c *stream) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if r := c.relay.Load(); r != nil {
		c.bytes = 0
		if !r.up.AllowN(time.Now(), n) {
			c.set.srv.metrics.dropped.rate.Inc()
			return 0, errFlood
		}
	} else if c.bytes += n; c.bytes > strangerBytes {
		c.set.srv.metrics.dropped.stranger.Inc()
		return 0, errFlood
	}
	return n, err
}

// Write closes the connection of a client that does not read.
func (c *stream) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeDeadline)) // fails only where writing will
	n, err := c.Conn.Write(b)
	if err != nil {
		c.Close()
	}
	return n, err
}

// Close closes the connection and forgets it. It may be called again.
func (c *stream) Close() error {
	c.once.Do(func() {
		s := c.set
		s.mu.Lock()
		c.unseat()
		delete(s.open, c)
		if s.at[c.place] == c {
			delete(s.at, c.place)
		}
		s.mu.Unlock()
		c.shut()
		s.srv.metrics.connections.Dec()
		s.wg.Done()
	})
	return nil
}

// shut closes at once: TLS's goodbye would wait for a peer that does not read.
func (c *stream) shut() {
	if t, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		t.NetConn().Close()
		return
	}
	c.Conn.Close()
}

// Accept gives the next connection to pion.
func (s *streams) Accept() (net.Conn, error) {
	select {
	case c := <-s.next:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the accepting and all connections; pion calls it.
func (s *streams) Close() error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	var open []*stream
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	if first {
		close(s.closed)
		if s.srv.o.TCP != nil {
			s.srv.o.TCP.Close()
		}
	}
	for _, c := range open {
		c.Close()
	}
	return nil
}

// Addr is what net.Listener wants; nobody listens there.
func (s *streams) Addr() net.Addr { return &net.TCPAddr{} }
