package site

import (
	"sync"
	"time"

	"github.com/lxzan/gws"
)

const (
	maxPending = 1000    // channels that a slow socket may be behind with
	maxFrame   = 4 << 10 // bytes that a page may send at once; it has nothing to say

	writeTimeout = 10 * time.Second
	closeTimeout = time.Second
	pingEvery    = 25 * time.Second
	readTimeout  = 2*pingEvery + 10*time.Second
)

// aliveFrame goes with every ping: browsers answer pings without telling the page, which would never
// notice that its connection is dead.
var aliveFrame = []byte(`{"type":"alive"}`)

// socket is one page's end of the live feed. What is pending for it is at most one frame per channel.
type socket struct {
	names   []string      // channels it follows, lower case; none for all
	network string        // of the client; "" if that is not to be counted
	wake    chan struct{} // something is pending
	gone    chan struct{} // closed when it ends

	mu      sync.Mutex
	conn    *gws.Conn         // nil until the handshake is done
	pending map[string][]byte // by channel
	order   []string          // of pending's keys
	behind  bool              // more was pending than may be
	ended   bool
}

func newSocket(names []string) *socket {
	return &socket{names: names, pending: map[string][]byte{}, wake: make(chan struct{}, 1), gone: make(chan struct{})}
}

// attach gives the socket its connection.
func (s *socket) attach(conn *gws.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}

// offer leaves a channel's latest frame for the socket; an older one that was not sent yet is replaced.
func (s *socket) offer(name string, frame []byte) {
	s.mu.Lock()
	if _, ok := s.pending[name]; !ok {
		s.order = append(s.order, name)
	}
	s.pending[name] = frame
	if s.behind = s.behind || len(s.order) > maxPending; s.behind {
		clear(s.pending)
		s.order = nil
		if s.conn != nil {
			_ = s.conn.SetWriteDeadline(time.Now()) // ends a write that waits for the page
		}
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take gives what is pending, or false if the socket fell too far behind.
func (s *socket) take() (frames [][]byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.order {
		frames = append(frames, s.pending[name])
	}
	clear(s.pending)
	s.order = s.order[:0]
	return frames, !s.behind
}

// close ends the socket. It may be called more than once.
func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		close(s.gone)
	}
}

// write sends what is pending and pings, until the socket ends. It says whether it dropped the socket
// because it was too slow.
func (s *socket) write(conn *gws.Conn) (dropped bool) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-s.gone:
			_ = conn.SetWriteDeadline(time.Now().Add(closeTimeout))
			_ = conn.WriteClose(1001, nil) // "going away": browsers come back
			return false
		case <-ping.C:
			_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			if conn.WritePing(nil) != nil || conn.WriteMessage(gws.OpcodeText, aliveFrame) != nil {
				return false
			}
		case <-s.wake:
			frames, ok := s.take()
			for _, frame := range frames {
				_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
				if ok = ok && conn.WriteMessage(gws.OpcodeText, frame) == nil; !ok {
					break
				}
			}
			if !ok {
				_ = conn.NetConn().Close() // ends the reading half, too
				return true
			}
		}
	}
}

// liveEvents is what a socket's reading half does: nothing but notice that the page is still there.
type liveEvents struct{ gws.BuiltinEventHandler }

func (liveEvents) OnOpen(c *gws.Conn) { _ = c.SetReadDeadline(time.Now().Add(readTimeout)) }

func (liveEvents) OnPong(c *gws.Conn, _ []byte) { _ = c.SetReadDeadline(time.Now().Add(readTimeout)) }

func (liveEvents) OnPing(c *gws.Conn, payload []byte) {
	_ = c.SetReadDeadline(time.Now().Add(readTimeout))
	_ = c.WritePong(payload)
}

func (liveEvents) OnMessage(_ *gws.Conn, m *gws.Message) { _ = m.Close() }

// quiet drops what the WebSocket library would print: a page that goes away is no news.
type quiet struct{}

func (quiet) Error(...any) {}
