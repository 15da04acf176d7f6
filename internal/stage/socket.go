package stage

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

const (
	maxQueue      = 256                // frames that a slow socket may be behind with
	maxQueueBytes = 4 << 20            // and their bytes; a full stage's first frame has a quarter of that
	maxRate       = 20                 // frames of a client in a second, WebSocket's own pings included
	maxPayload    = 4 * maxClientFrame // in bytes; more is not even read

	pingEvery    = 25 * time.Second
	silence      = 60 * time.Second // after which a client counts as gone
	writeWait    = 10 * time.Second
	farewellWait = time.Second

	closeGoingAway    = 1001
	closePolicy       = 1008
	closeTryAgain     = 1013
	closeDisconnected = 4001
	closeRefused      = 4003
)

// farewell is what a socket is told before it is closed.
type farewell struct {
	frame []byte // nil: nothing
	code  uint16
}

// socket is a participant's events socket: a bounded queue of frames that a goroutine writes. Frames are shared
// with other sockets.
type socket struct {
	st  *stage
	mem *member

	wake chan struct{}
	gone chan struct{} // closed when it ends

	over bool // as far as the stage goes; guarded by stage.mu

	mu      sync.Mutex
	conn    *gws.Conn
	queue   [][]byte
	bytes   int
	behind  bool // more waited than may
	ended   bool
	goodbye farewell

	second time.Time // only the reading goroutine uses these two
	frames int       // in that second
}

func newSocket(conn *gws.Conn) *socket {
	return &socket{conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{})}
}

// offer leaves a frame for the socket. It never waits.
func (s *socket) offer(frame []byte) {
	s.mu.Lock()
	switch {
	case s.ended || s.behind:
	case len(s.queue) >= maxQueue || s.bytes+len(frame) > maxQueueBytes:
		s.behind = true
		s.queue, s.bytes = nil, 0
		_ = s.conn.SetWriteDeadline(time.Now()) // ends a write that waits for the client
	default:
		s.queue = append(s.queue, frame)
		s.bytes += len(frame)
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take gives what waits, and whether the socket is too far behind to be told anything.
func (s *socket) take() (frames [][]byte, behind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames, s.queue, s.bytes = s.queue, nil, 0
	return frames, s.behind
}

// close ends the socket with a farewell. The first one counts.
func (s *socket) close(f farewell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended, s.goodbye = true, f
		close(s.gone)
	}
}

// leave closes the participant's door, with stage.mu held, and dismisses the client; with an empty word it is
// told nothing. It does nothing the second time.
func (s *socket) leave(word, code string) {
	f := farewell{code: closeGoingAway}
	if word != "" {
		f = farewell{code: closeDisconnected, frame: encode("DISCONNECTED", struct {
			Reason string `json:"reason"`
			Code   string `json:"code,omitempty"`
		}{word, code})}
	}
	s.close(f)
	if s.over {
		return
	}
	s.over = true
	r := &s.st.roster
	delete(r.sockets, s)
	delete(r.fresh, s)
	if s.mem.socket == s {
		s.mem.socket = nil
	}
	s.st.m.metrics.sockets.Dec()
	s.st.leave(s.mem)
}

// write sends what waits, and pings, until the socket ends. It says whether it cut one that was too slow.
func (s *socket) write() (slow bool) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-s.gone:
			s.sayGoodbye()
			return false
		default:
		}
		frames := [][]byte{pingFrame}
		select {
		case <-s.gone:
			continue
		case <-ping.C:
		case <-s.wake:
			frames, slow = s.take()
		}
		for _, frame := range frames {
			if slow {
				break
			}
			if err := s.send(frame); err != nil {
				s.cut()
				return errors.Is(err, os.ErrDeadlineExceeded)
			}
		}
		if slow {
			s.cut()
			return true
		}
	}
}

func (s *socket) send(frame []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeWait))
	return s.conn.WriteMessage(gws.OpcodeText, frame)
}

// sayGoodbye sends what was still to be told, the farewell, and a close frame.
func (s *socket) sayGoodbye() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(farewellWait))
	frames, behind := s.take()
	s.mu.Lock()
	f := s.goodbye
	s.mu.Unlock()
	if f.frame != nil {
		frames = append(frames, f.frame)
	}
	for _, frame := range frames {
		if behind || s.conn.WriteMessage(gws.OpcodeText, frame) != nil {
			s.cut()
			return
		}
	}
	_ = s.conn.WriteClose(f.code, nil) // ends the connection, too
}

// cut ends both halves of the connection.
func (s *socket) cut() { _ = s.conn.NetConn().Close() }

// tooMany counts a frame of the client and says whether that was one too many.
func (s *socket) tooMany() bool {
	if now := time.Now(); now.Sub(s.second) >= time.Second {
		s.second, s.frames = now, 0
	}
	s.frames++
	return s.frames > maxRate
}

// hear acts on a frame of the client.
func (s *socket) hear(b []byte) {
	f, err := parseFrame(b)
	if err != nil {
		s.close(farewell{code: closePolicy})
		return
	}
	switch f.Type {
	case typePing:
		s.offer(pongFrame)
	case typeLeave:
		s.close(farewell{code: 1000})
	case typeMute:
		s.st.lock()
		defer s.st.unlock()
		if !s.over && (s.mem.audioMuted != f.AudioMuted || s.mem.noVideo != f.NoVideo) {
			s.mem.audioMuted, s.mem.noVideo = f.AudioMuted, f.NoVideo
			s.st.change(s.mem)
		}
	case typeSubscribe:
		s.st.lock()
		defer s.st.unlock()
		if !s.over {
			s.mem.want(f.Wishes)
		}
	case typeExchange:
		s.exchange(f.Token)
	case typePrefer:
		s.st.lock()
		defer s.st.unlock()
		if !s.over {
			s.mem.prefer(f.Of, f.Pixels)
		}
	}
}

// socketEvents is the reading half of sockets. The socket is in the connection's session.
type socketEvents struct{ gws.BuiltinEventHandler }

const socketKey = "socket"

func socketOf(c *gws.Conn) *socket {
	v, _ := c.Session().Load(socketKey)
	s, _ := v.(*socket)
	return s
}

// heard notes that the client lives, and is false when it says too much.
func heard(c *gws.Conn) (*socket, bool) {
	s := socketOf(c)
	if s == nil {
		return nil, false
	}
	if s.tooMany() {
		s.close(farewell{code: closePolicy})
		return s, false
	}
	_ = c.SetReadDeadline(time.Now().Add(silence))
	return s, true
}

func (socketEvents) OnOpen(c *gws.Conn) { _ = c.SetReadDeadline(time.Now().Add(silence)) }

func (socketEvents) OnPong(c *gws.Conn, _ []byte) { heard(c) }

func (socketEvents) OnPing(c *gws.Conn, payload []byte) {
	if _, ok := heard(c); ok {
		_ = c.SetWriteDeadline(time.Now().Add(writeWait))
		_ = c.WritePong(payload)
	}
}

func (socketEvents) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	s, ok := heard(c)
	switch {
	case !ok:
	case m.Opcode != gws.OpcodeText:
		s.close(farewell{code: closePolicy})
	default:
		s.hear(m.Bytes())
	}
}

// quiet drops what the WebSocket library would print: a client that goes away is no news.
type quiet struct{}

func (quiet) Error(...any) {}
