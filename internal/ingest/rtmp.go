// Package ingest takes in what encoders send: bytes of a protocol in, media.Frames out.
//
// It owns the RTMP server (and a small RTMP publisher for the demo, tests and benchmarks) and the SRT server.
// It does not know users or channels: a media.Gate decides who may publish and where the frames go. H.264,
// HEVC, AV1, AAC and Opus pass, every other codec is refused by name. All input is hostile until a gate has admitted it:
// memory, time and nesting are bounded, and nothing a peer sent is quoted in a log, an error or a metric,
// since it may hold a stream key.
//
// One goroutine reads a connection, writes the stream and answers; a second one, while it publishes,
// waits for the stream's end. Lock order: RTMP.mu before source.mu.
package ingest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/media"
)

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("ingest: server closed")

// RTMPDeps is what an RTMP server needs. Only Gates must be set.
type RTMPDeps struct {
	Gates      []media.Gate // asked in turn until one knows the key
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are kept nowhere
	MaxConns   int                   // open connections; default 4096
	MaxPerIP   int                   // open connections of one address, or one IPv6 /64; 0 is no limit
	Now        func() time.Time
	Timeouts   Timeouts
}

// Timeouts bounds how long a peer may take. Zero values are the defaults.
type Timeouts struct {
	Handshake time.Duration // from accepting to the end of the handshake (TLS included); default 8 s
	Publish   time.Duration // from then to the publish command; default 15 s
	Idle      time.Duration // silence while publishing; default 12 s
	Write     time.Duration // one answer; default 5 s
	Admit     time.Duration // for all gates together; default 10 s
	Linger    time.Duration // for the peer to read a refusal; default 2 s
}

func (t *Timeouts) defaults() {
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&t.Handshake, 8 * time.Second},
		{&t.Publish, 15 * time.Second},
		{&t.Idle, 12 * time.Second},
		{&t.Write, 5 * time.Second},
		{&t.Admit, 10 * time.Second},
		{&t.Linger, 2 * time.Second},
	} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
}

// RTMP is an RTMP server for publishers.
type RTMP struct {
	deps    RTMPDeps
	log     *slog.Logger
	metrics *metrics
	ctx     context.Context // of all connections: ends when Shutdown loses patience
	cancel  context.CancelFunc
	wg      sync.WaitGroup // connections

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	perIP     map[netip.Prefix]int
}

// NewRTMP makes a server that serves nothing yet.
func NewRTMP(d RTMPDeps) *RTMP {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.MaxConns <= 0 {
		d.MaxConns = 4096
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	d.Timeouts.defaults()
	s := &RTMP{
		deps: d, log: d.Log, metrics: newMetrics(d.Registerer, "rtmp"),
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}, perIP: map[netip.Prefix]int{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve takes connections from ln until Shutdown, and then returns ErrServerClosed. It closes ln. A
// listener that gives *tls.Conn serves RTMPS. Several listeners may be served at once.
func (s *RTMP) Serve(ln net.Listener) error {
	defer ln.Close()
	if !s.addListener(ln) {
		return ErrServerClosed
	}
	defer s.removeListener(ln)
	var wait time.Duration
	for {
		nc, err := ln.Accept()
		if err == nil {
			wait = 0
			s.ServeConn(nc)
			continue
		}
		if s.isClosing() {
			return ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of descriptors, or a connection that died in the queue: both pass.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.log.Warn("rtmp: accept failed, trying again", "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return ErrServerClosed
		}
	}
}

// ServeConn serves one connection that somebody else accepted, in a goroutine of its own. It takes over nc.
func (s *RTMP) ServeConn(nc net.Conn) {
	c := newConn(s, nc)
	if why := s.add(c); why != "" {
		s.metrics.refusals.WithLabelValues(why).Inc()
		s.log.Debug("rtmp: connection refused", "remote", c.remote, "reason", why)
		nc.Close()
		return
	}
	s.metrics.accepted.Inc()
	s.metrics.connections.Inc()
	go func() {
		defer s.wg.Done()
		defer s.metrics.connections.Dec()
		defer s.remove(c)
		c.serve(s.ctx)
	}()
}

// Shutdown stops accepting, tells running publishers that the server goes away, and waits for their
// connections to end. When ctx ends before, it closes them and returns ctx's error.
func (s *RTMP) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for ln := range s.listeners {
		ln.Close()
	}
	for c := range s.conns {
		c.src.interrupt(errGoingAway)
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
		s.cancel()
		s.mu.Lock()
		for c := range s.conns {
			c.nc.Close()
		}
		s.mu.Unlock()
		<-done
	}
	s.cancel()
	return err
}

var errGoingAway = refuse("shutdown", codeUnpublished, "the server is going away, connect again")

func (s *RTMP) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *RTMP) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *RTMP) removeListener(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

// add takes a connection in and says "", or says why not.
func (s *RTMP) add(c *conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ip := network(c.remote); {
	case s.closing:
		return "shutdown"
	case len(s.conns) >= s.deps.MaxConns:
		return "connection_limit"
	case s.deps.MaxPerIP > 0 && s.perIP[ip] >= s.deps.MaxPerIP:
		return "address_limit"
	default:
		s.conns[c] = struct{}{}
		s.perIP[ip]++
		s.wg.Add(1)
		return ""
	}
}

func (s *RTMP) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	ip := network(c.remote)
	if s.perIP[ip]--; s.perIP[ip] <= 0 {
		delete(s.perIP, ip)
	}
}

// network is what counts as one address: a single IPv4 address, or the /64 that one IPv6 host may choose its own
// from.
func network(a netip.AddrPort) netip.Prefix {
	ip := a.Addr()
	if ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64)
		return p
	}
	p, _ := ip.Prefix(32)
	return p
}
