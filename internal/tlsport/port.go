// Package tlsport is one TCP port for all that is spoken over TLS: HTTPS (HTTP/2 and HTTP/1.1), with it WSS,
// RTMPS, and TURN; and the certificates it shows, from files or by ACME.
//
// Handshakes are made beside the accept loop, each within a deadline and only so many at once. A client that
// agreed on h2 or http/1.1 (ALPN, RFC 7301) goes to the HTTP server as the bare *tls.Conn, which is what net/http
// wants for HTTP/2. One that agreed on stun.turn (RFC 7443) goes to the TURN relay. One that offered nothing is told
// by its first byte: 0x03 is RTMP's version, 0x00 and 0x01 begin STUN messages (RFC 8489, section 5), everything else
// is HTTP/1.
package tlsport

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are for New. Config must be set.
type Options struct {
	Config     *tls.Config    // certificates; the protocols it names besides HTTP's are for challenges of ACME
	RTMP       func(net.Conn) // takes over a connection that speaks RTMP; nil: there is no RTMP
	TURN       func(net.Conn) // takes over a connection that speaks STUN; nil: there is no relay
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are kept nowhere

	// Patience is how long a client may take from connecting to its first byte after the handshake; default 10 s.
	Patience time.Duration
	// MaxWaiting is how many may be within that time at once; the oldest goes when another comes. So it takes
	// MaxWaiting connections in the time of one honest handshake to be in anybody's way. Default 1024.
	MaxWaiting int
}

const alpnTURN = "stun.turn"

// Port shares out a listener. It is the net.Listener of an HTTP server.
type Port struct {
	ln      net.Listener
	o       Options
	metrics *metrics
	http    chan net.Conn
	closed  chan struct{}
	meeting sync.WaitGroup

	mu      sync.Mutex
	closing bool
	waiting list.List // of net.Conn, the oldest first
}

// New makes a port that serves nothing yet.
func New(ln net.Listener, o Options) *Port {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 1024
	}
	o.Config = o.Config.Clone()
	o.Config.MinVersion = max(o.Config.MinVersion, tls.VersionTLS12)
	o.Config.NextProtos = append([]string{"h2", "http/1.1"}, o.Config.NextProtos...)
	if o.TURN != nil {
		o.Config.NextProtos = append(o.Config.NextProtos, alpnTURN)
	}
	return &Port{ln: ln, o: o, metrics: newMetrics(o.Registerer), http: make(chan net.Conn), closed: make(chan struct{})}
}

// Serve takes connections until Close, and then returns net.ErrClosed.
func (p *Port) Serve() error {
	var wait time.Duration
	for {
		nc, err := p.ln.Accept()
		switch {
		case err == nil:
			wait = 0
			if seat := p.seat(nc); seat != nil {
				go p.meet(nc, seat)
			}
			continue
		case errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		}
		// Out of descriptors, or a connection that died in the queue: both pass.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		p.o.Log.Warn("tls: accept failed, trying again", "err", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-p.closed:
		}
	}
}

// seat lets a connection wait for its handshake; nil after Close, when nothing is left of it.
func (p *Port) seat(nc net.Conn) *list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		nc.Close()
		return nil
	}
	if p.waiting.Len() >= p.o.MaxWaiting {
		p.waiting.Remove(p.waiting.Front()).(net.Conn).Close()
		p.metrics.handshakes.WithLabelValues(crowdedOut).Inc()
	}
	p.meeting.Add(1)
	p.metrics.waiting.Inc()
	return p.waiting.PushBack(nc)
}

// leave ends the waiting; false if the connection was closed meanwhile.
func (p *Port) leave(seat *list.Element) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.waiting.Len()
	p.waiting.Remove(seat) // nothing happens if it has gone
	return p.waiting.Len() < before
}

// meet makes the handshake and finds out who is to have the connection.
func (p *Port) meet(nc net.Conn, seat *list.Element) {
	defer p.meeting.Done()
	defer p.metrics.waiting.Dec()
	_ = nc.SetDeadline(time.Now().Add(p.o.Patience)) // fails only where reading will
	conn := tls.Server(nc, p.o.Config)
	err := conn.Handshake()
	var pass func(net.Conn)
	var out net.Conn = conn
	if err == nil {
		p.metrics.handshakes.WithLabelValues(done).Inc()
		pass, out, err = p.route(conn)
	} else {
		p.notShaken(nc, err)
	}
	if !p.leave(seat) || err != nil || pass == nil {
		nc.Close() // not conn: its goodbye would wait for a peer that does not read
		return
	}
	_ = nc.SetDeadline(time.Time{})
	pass(out)
}

// notShaken counts a handshake that failed. Who speaks plain HTTP here is told so, as net/http does.
func (p *Port) notShaken(nc net.Conn, err error) {
	result := failed
	var timeout net.Error
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header) && header.Conn != nil && looksLikeHTTP(header.RecordHeader):
		result = plainHTTP
		_, _ = io.WriteString(nc, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nthis port speaks HTTPS: the address must begin with https://\n")
	case errors.As(err, &timeout) && timeout.Timeout():
		result = late
	case errors.Is(err, net.ErrClosed):
		return // crowded out, and counted
	}
	p.metrics.handshakes.WithLabelValues(result).Inc()
	p.o.Log.Debug("tls: no handshake", "remote", nc.RemoteAddr(), "result", result, "err", err)
}

func looksLikeHTTP(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE", "TRACE":
		return true
	}
	return false
}

// route says who is to have the connection; nobody, if the function is nil.
func (p *Port) route(conn *tls.Conn) (pass func(net.Conn), out net.Conn, err error) {
	switch conn.ConnectionState().NegotiatedProtocol {
	case "h2":
		p.metrics.connections.WithLabelValues("h2").Inc()
		return p.toHTTP, conn, nil
	case "http/1.1":
		p.metrics.connections.WithLabelValues("http/1.1").Inc()
		return p.toHTTP, conn, nil
	case alpnTURN:
		p.metrics.connections.WithLabelValues("stun").Inc()
		return p.o.TURN, conn, nil
	case "":
	default: // a challenge of ACME, which is answered by the certificate alone
		return nil, conn, nil
	}
	first := make([]byte, 1)
	if _, err := conn.Read(first); err != nil {
		p.metrics.connections.WithLabelValues("silent").Inc()
		return nil, nil, err
	}
	out = &peeked{Conn: conn, first: first}
	switch first[0] {
	case 3:
		p.metrics.connections.WithLabelValues("rtmp").Inc()
		return p.o.RTMP, out, nil
	case 0, 1:
		p.metrics.connections.WithLabelValues("stun").Inc()
		return p.o.TURN, out, nil
	}
	p.metrics.connections.WithLabelValues("http/1.1").Inc()
	return p.toHTTP, out, nil
}

// toHTTP hands a connection to whoever calls Accept.
func (p *Port) toHTTP(nc net.Conn) {
	select {
	case p.http <- nc:
	case <-p.closed:
		nc.Close()
	}
}

// Accept gives the next connection that speaks HTTP.
func (p *Port) Accept() (net.Conn, error) {
	select {
	case nc := <-p.http:
		return nc, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the listener's.
func (p *Port) Addr() net.Addr { return p.ln.Addr() }

// Close ends the listening and what waits for its handshake, and returns when nothing does. Connections that
// were passed on are not touched. It may be called again.
func (p *Port) Close() error {
	p.mu.Lock()
	if !p.closing {
		p.closing = true
		close(p.closed)
		p.ln.Close()
	}
	for p.waiting.Len() > 0 {
		p.waiting.Remove(p.waiting.Front()).(net.Conn).Close()
	}
	p.mu.Unlock()
	p.meeting.Wait()
	return nil
}

// peeked is a connection whose first byte was read already.
type peeked struct {
	*tls.Conn
	first []byte
}

func (c *peeked) Read(b []byte) (int, error) {
	if len(c.first) == 0 || len(b) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.first)
	c.first = c.first[n:]
	return n, nil
}

// Prepare lets a server that serves a Port see the TLS of every request: net/http knows only that of a bare
// *tls.Conn. It is called before the server serves.
func Prepare(srv *http.Server) {
	inner := srv.Handler
	srv.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		if c, ok := nc.(*peeked); ok {
			return context.WithValue(ctx, connKey{}, c.Conn)
		}
		return ctx
	}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			if c, ok := r.Context().Value(connKey{}).(*tls.Conn); ok {
				state := c.ConnectionState()
				r.TLS = &state
			}
		}
		inner.ServeHTTP(w, r)
	})
}

type connKey struct{}
