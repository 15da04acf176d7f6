package ingest

import (
	"io"
	"net"
	"sync"
	"time"
)

const (
	smallBuffer = 4 << 10  // until a publisher is admitted: idle connections must cost little
	largeBuffer = 64 << 10 // while publishing
	directRead  = 32 << 10 // from this size on, payload goes from the socket straight to its place
)

// source is the receiving side of a connection: one buffer, a deadline that follows the data, the
// time of the last arrival, and a way to call the reading goroutine back.
//
// All methods but interrupt belong to the reading goroutine.
type source struct {
	conn net.Conn
	now  func() time.Time

	buf  []byte
	r, w int // buf[r:w] is unread

	arrived time.Time // when the newest bytes were read
	since   time.Time // they came after that; the same time if they were not left to lie
	total   uint64    // bytes received, for acknowledgements and metrics
	idle    time.Duration
	armed   time.Time // when the deadline was last set; it is not moved on every read
	limit   time.Time // the deadline

	rester *rester
	spare  func(now time.Time) time.Duration // how long nobody waits for what comes next; nil: somebody does

	mu     sync.Mutex
	reason error // why the reader was called back; nil while it was not
}

func newSource(c net.Conn, now func() time.Time) *source {
	return &source{conn: c, now: now, buf: make([]byte, smallBuffer)}
}

// grow makes room for a publisher's data rate.
func (s *source) grow() {
	if len(s.buf) >= largeBuffer {
		return
	}
	buf := make([]byte, largeBuffer)
	s.w = copy(buf, s.buf[s.r:s.w])
	s.r, s.buf = 0, buf
	s.rester = newRester(s.conn)
}

// until sets one deadline for all that follows, for phases that must end however busy the peer is.
func (s *source) until(d time.Duration) {
	s.idle = 0
	s.arm(time.Now().Add(d))
}

// within lets the peer be silent for d at most, from now on. The cut may come up to a sixth of d early.
func (s *source) within(d time.Duration) {
	s.idle = d
	s.armed = s.now()
	s.arm(time.Now().Add(d))
}

func (s *source) arm(t time.Time) {
	s.limit = t
	s.deadline(t)
}

func (s *source) deadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.conn.SetReadDeadline(t)
	}
}

// interrupt makes the reading goroutine come back with reason as its error. The first reason stays.
func (s *source) interrupt(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.reason = reason
		s.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// called gives the reason of interrupt, or nil.
func (s *source) called() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// rest waits while nobody wants what comes next, and tells whether that is so.
func (s *source) rest() bool {
	if s.rester == nil || s.spare == nil {
		return false
	}
	now := s.now()
	d := min(s.spare(now), longestRest)
	if d < shortestRest {
		return false
	}
	s.deadline(time.Now().Add(d))
	if s.rester.rest() {
		s.since = now
	}
	s.deadline(s.limit)
	return true
}

// read is one read from the socket into b.
func (s *source) read(b []byte) (int, error) {
	rested := s.rest()
	n, err := s.conn.Read(b)
	if n > 0 {
		s.arrived = s.now()
		if !rested {
			s.since = s.arrived
		}
		s.total += uint64(n)
		if s.idle > 0 && s.arrived.Sub(s.armed) > s.idle/6 {
			s.armed = s.arrived
			s.arm(time.Now().Add(s.idle))
		}
		return n, nil
	}
	if reason := s.called(); reason != nil {
		return 0, reason
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

// peek gives the next n bytes without taking them; n must fit the small buffer. They are valid until
// the next call. io.EOF means that the peer left and nothing was pending, io.ErrUnexpectedEOF that it
// left in the middle.
func (s *source) peek(n int) ([]byte, error) {
	for s.w-s.r < n {
		if s.r+n > len(s.buf) || s.r == s.w {
			s.w = copy(s.buf, s.buf[s.r:s.w])
			s.r = 0
		}
		m, err := s.read(s.buf[s.w:])
		if err != nil {
			if err == io.EOF && s.w > s.r {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		s.w += m
	}
	return s.buf[s.r : s.r+n], nil
}

// skip takes n bytes that peek showed.
func (s *source) skip(n int) { s.r += n }

// full reads exactly len(b) bytes into b.
func (s *source) full(b []byte) error {
	for len(b) > 0 {
		if s.r == s.w {
			if len(b) >= directRead {
				n, err := s.read(b)
				if err != nil {
					return cut(err)
				}
				b = b[n:]
				continue
			}
			if _, err := s.peek(1); err != nil {
				return cut(err)
			}
		}
		n := copy(b, s.buf[s.r:s.w])
		s.r += n
		b = b[n:]
	}
	return nil
}

// cut turns an end of the connection in the middle of something into what it is.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
