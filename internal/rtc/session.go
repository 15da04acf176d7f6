package rtc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
)

// Why a session ended, as Ended tells it. io.EOF stands for the client's own goodbye (DELETE); a reason
// given to Peer.Close comes as it is.
var (
	// ErrNoConnection: ICE and DTLS were not up in time.
	ErrNoConnection = errors.New("rtc: the client did not connect in time")
	// ErrHandshake: DTLS failed; it wraps why.
	ErrHandshake = errors.New("rtc: the DTLS handshake failed")
	// ErrLost: the client fell silent.
	ErrLost = errors.New("rtc: the client was lost")
	// ErrPeerClosed: the client closed its connection without saying so over HTTP.
	ErrPeerClosed = errors.New("rtc: the client closed the connection")
	// ErrFlood: a publisher sent more than the limit.
	ErrFlood = errors.New("rtc: the client sends more than is allowed")
	// ErrGarbage: what a publisher sends is not what it offered.
	ErrGarbage = errors.New("rtc: the client sends what it did not offer")
	// ErrShutdown: the server goes away.
	ErrShutdown = errors.New("rtc: the server is going away")
)

// maxEarly is how many packets of media wait for the keys: a client whose handshake is done sends at once, and
// ours may be a moment behind.
const maxEarly = 64

// direction is what publishers' and subscribers' sessions differ in. All but start is called by the session's
// own goroutine.
type direction interface {
	kind() string // "publish" or "subscribe", for metrics and the log
	start(p Peer)
	// connected gets the keys; media can flow.
	connected(k *keys) error
	rtp(pk *packet)
	rtcp(pk *packet)
	tick(now time.Time)
	every() time.Duration // how often tick wants to be called
	ended(reason error)
	keyFrame(ssrc uint32)
}

// session is one client's connection: ICE, DTLS, SRTP over one route. One goroutine runs it and takes
// its packets; a second one runs DTLS.
type session struct {
	id       string // in its URL: who knows it may end the session
	srv      *Server
	port     *port
	dir      direction
	offer    *offer
	setup    string // our DTLS role
	identity *identity
	token    [32]byte // hash of the bearer token
	remote   netip.Addr
	began    time.Time
	wire     *dtlsWire
	out      outbox

	inbox   chan *packet
	secured chan *keys
	ending  chan struct{} // closed with a reason
	done    chan struct{} // closed when all is over
	endOnce sync.Once
	reason  error

	heard     atomic.Int64 // when the client last proved to live, in Unix nanoseconds
	route     atomic.Pointer[route]
	passed    atomic.Int64 // when something last came by route, in Unix nanoseconds
	current   atomic.Pointer[credentials]
	farewell  atomic.Pointer[dtls.Conn]
	reached   chan struct{} // closed when there is a route
	reachable sync.Once

	mu      sync.Mutex
	pending *credentials // of a restart that has not worked out yet
	addrs   []netip.AddrPort
	conns   []*tcpConn
	etag    string
	closed  bool
}

var _ Peer = (*session)(nil)

// KeyFrame asks the publisher for a key frame.
func (s *session) KeyFrame(ssrc uint32) { s.dir.keyFrame(ssrc) }

// Close ends the session for a reason.
func (s *session) Close(reason error) { s.end(reason) }

// end says that the session is over. The first reason counts. It never waits.
func (s *session) end(reason error) {
	s.endOnce.Do(func() {
		if reason == nil {
			reason = ErrShutdown
		}
		s.reason = reason
		close(s.ending)
	})
}

// run is the session's life. It returns when Ended has been called.
func (s *session) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var dtlsDone sync.WaitGroup
	dtlsDone.Go(func() { s.secure(ctx) })

	s.live()

	s.out.end() // what was sent goes out before the goodbye
	if conn := s.farewell.Load(); conn != nil {
		conn.Close() // says goodbye by close_notify
	}
	cancel()
	s.wire.Close()
	dtlsDone.Wait()
	s.release()
	s.dir.ended(s.reason)
	for {
		select {
		case pk := <-s.inbox:
			packetPool.Put(pk)
			continue
		default:
		}
		break
	}
	s.srv.remove(s)
	close(s.done)
}

func (s *session) live() {
	tick := time.NewTicker(s.dir.every())
	defer tick.Stop()
	up := false
	var early []*packet // media that came before the keys
	defer func() {
		for _, pk := range early {
			packetPool.Put(pk)
		}
	}()
	for {
		select {
		case <-s.ending:
			return
		case k := <-s.secured:
			if err := s.dir.connected(k); err != nil {
				s.end(err)
				return
			}
			up = true
			s.heard.Store(s.srv.now().UnixNano())
			s.srv.metrics.connected(s.dir.kind(), s.srv.now().Sub(s.began))
			for _, pk := range early {
				s.take(pk)
				packetPool.Put(pk)
			}
			early = nil
		case pk := <-s.inbox:
			if !up && pk.buf[0] >= 128 {
				if len(early) < maxEarly {
					early = append(early, pk)
				} else {
					packetPool.Put(pk)
				}
				continue
			}
			s.take(pk)
			packetPool.Put(pk)
		case <-tick.C:
			now := s.srv.now()
			switch {
			case !up && now.Sub(s.began) > s.srv.opts.ConnectTimeout:
				s.end(ErrNoConnection)
			case up && now.UnixNano()-s.heard.Load() > int64(s.srv.opts.LostAfter):
				s.end(ErrLost)
			case up:
				s.dir.tick(now)
			}
		}
	}
}

// take sorts a packet by its first byte (RFC 7983 §7), and RTP from RTCP by the second (RFC 5761 §4).
func (s *session) take(pk *packet) {
	switch b := pk.buf[0]; {
	case b >= 20 && b < 64:
		s.wire.in.Write(pk.buf[:pk.n], nil) // full: DTLS sends again
	case b >= 128 && b < 192 && pk.n >= 12:
		if t := pk.buf[1]; t >= 192 && t < 224 {
			s.dir.rtcp(pk)
		} else {
			s.dir.rtp(pk)
		}
	}
}

// alive notes that the client has sent something that only it can have sent.
func (s *session) alive(pk *packet) {
	s.heard.Store(pk.at.UnixNano())
	if at := s.route.Load(); at != nil && *at == pk.by {
		s.passed.Store(pk.at.UnixNano())
	}
}

// deliver gives a packet to the session's goroutine and says whether it took it. It never waits: a
// session that does not keep up loses packets, as on the network.
func (s *session) deliver(pk *packet) bool {
	select {
	case s.inbox <- pk:
		return true
	default:
		s.srv.metrics.dropped.full.Inc()
		return false
	}
}

// send writes one datagram to the client. What it is too slow for is lost.
func (s *session) send(b []byte) error {
	r := s.route.Load()
	if r == nil {
		return net.ErrClosed
	}
	if r.over != nil {
		return r.over.send(b)
	}
	_, err := s.port.udp.WriteToUDPAddrPort(b, r.addr)
	return err
}

// gained adds a TCP connection; lost takes it away.
func (s *session) gained(c *tcpConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) == maxTCPPerSession {
		return false
	}
	s.conns = append(s.conns, c)
	return true
}

func (s *session) lost(c *tcpConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, have := range s.conns {
		if have == c {
			s.conns = append(s.conns[:i], s.conns[i+1:]...)
			break
		}
	}
}

// release makes the port forget the session.
func (s *session) release() {
	s.mu.Lock()
	s.closed = true
	addrs, conns, pending := s.addrs, s.conns, s.pending
	s.addrs, s.conns, s.pending = nil, nil, nil
	s.mu.Unlock()
	s.port.leave(s.current.Load())
	if pending != nil {
		s.port.leave(pending)
	}
	s.port.forget(s, addrs...)
	for _, c := range conns {
		c.close()
	}
}

// restart takes the client's new ICE credentials and gives our new ones. The old ones stay good until the
// client has nominated a path with the new ones, so a restart that fails changes nothing (RFC 9725 §4.3).
func (s *session) restart(remote iceRemote) (c *credentials, etag string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, "", false
	}
	if s.pending != nil {
		s.port.leave(s.pending)
	}
	c = newCredentials(s, remote)
	s.pending = c
	s.port.enter(c)
	s.etag = newETag()
	return c, s.etag, true
}

// generation gives the tag that a PATCH must name, and the client's credentials that belong to it.
func (s *session) generation() (etag string, remote iceRemote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil {
		return s.etag, s.pending.remote
	}
	return s.etag, s.current.Load().remote
}

func newETag() string { return `"` + randomText(9) + `"` }
