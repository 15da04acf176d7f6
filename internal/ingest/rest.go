package ingest

import (
	"net"
	"syscall"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// Being woken for each message costs more than all that is done with most of them. While no reader of a stream
// wants what comes next, it may lie in the socket for a while, and then comes in one read.
const (
	longestRest  = 350 * time.Millisecond // about a part: what nobody waits for may be late by so much, such as a goodbye without a hang-up
	shortestRest = 10 * time.Millisecond
	restBytes    = 256 << 10            // or until so much has come, so that senders never see a full window
	restMargin   = 4 * time.Millisecond // how early a frame may be
	forgetting   = time.Millisecond     // how much later than before pictures are expected, with each that is later
)

// rester lets a TCP connection wait for time to pass instead of for bytes.
type rester struct {
	raw    syscall.RawConn
	waits  bool
	asleep func(fd uintptr) bool
	awake  func(fd uintptr)
}

// newRester gives nil for what is no TCP connection, and where the system has no low-water mark for epoll.
func newRester(c net.Conn) *rester {
	for {
		if inner, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
			c = inner.NetConn()
			continue
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok || !hasLowWater {
			return nil
		}
		raw, err := tcp.SyscallConn()
		if err != nil {
			return nil
		}
		r := &rester{raw: raw}
		r.asleep, r.awake = r.fallAsleep, func(fd uintptr) { _ = setLowWater(fd, 1) }
		return r
	}
}

// fallAsleep is called before waiting for bytes, and after. It is true when there is nothing to wait for.
func (r *rester) fallAsleep(fd uintptr) bool {
	if r.waits {
		return true
	}
	r.waits = !pending(fd) && setLowWater(fd, restBytes) == nil
	return !r.waits
}

// rest waits until the connection's read deadline, or for restBytes or the peer's end. It gives false at once if bytes
// are there.
func (r *rester) rest() bool {
	r.waits = false
	_ = r.raw.Read(r.asleep) // what is wrong with the connection shows when it is read
	if r.waits {
		_ = r.raw.Control(r.awake)
	}
	return r.waits
}

// schedule tells when pictures are to be expected, by the earliest so far.
type schedule struct {
	zero time.Time // when DTS zero came, or would have come; the zero time until a picture came
}

// spare is how long nobody waits for what comes next if due is the DTS of the earliest frame that somebody wants.
func (s *schedule) spare(due time.Duration, now time.Time) time.Duration {
	if s.zero.IsZero() || due == media.AtOnce || due == media.Never {
		return 0
	}
	return s.zero.Add(due - restMargin).Sub(now)
}

// came gives when a frame came that was read at a time, and not there at another before it. Both are the same for what
// was not left to lie.
func (s *schedule) came(dts time.Duration, since, read time.Time) time.Time {
	if at := s.zero.Add(dts); since.Before(read) && at.Before(read) {
		if at.Before(since) {
			return since
		}
		return at
	}
	return read
}

// note learns from a picture that was read at a time, and not there at another before it.
func (s *schedule) note(dts time.Duration, since, read time.Time) {
	switch zero := read.Add(-dts); {
	case s.zero.IsZero(), zero.Before(s.zero):
		s.zero = zero
	case !since.Before(read):
		s.zero = s.zero.Add(min(zero.Sub(s.zero), forgetting))
	}
}
