package rtc

import (
	"encoding/binary"
	"slices"
	"time"
)

// rateLimit bounds bytes per second, over windows of two seconds.
type rateLimit struct {
	limit int // bytes per second
	since time.Time
	bytes int
}

const rateWindow = 2 * time.Second

// take counts bytes and says whether the window still has room.
func (r *rateLimit) take(n int) bool {
	r.bytes += n
	return r.bytes <= 2*r.limit*int(rateWindow/time.Second)
}

// next begins a new window when this one is full of time, and says whether it had too much in it.
func (r *rateLimit) next(now time.Time) (begun, over bool) {
	took := now.Sub(r.since)
	if took < rateWindow {
		return false, false
	}
	over = float64(r.bytes) > float64(r.limit)*took.Seconds()
	r.since, r.bytes = now, 0
	return true, over
}

// ssrcSet remembers the SSRCs that a client has sent authentic packets from. SRTP keeps a state for each, so
// there are few, and packets of further ones are not even opened.
type ssrcSet struct {
	n    int
	list [16]uint32
}

// expects says whether a packet with this SSRC, as it stands on the wire, may be opened.
func (s *ssrcSet) expects(wire []byte) bool {
	return s.n < len(s.list) || s.has(binary.BigEndian.Uint32(wire))
}

func (s *ssrcSet) has(ssrc uint32) bool { return slices.Contains(s.list[:s.n], ssrc) }

func (s *ssrcSet) add(wire []byte) {
	if ssrc := binary.BigEndian.Uint32(wire); s.n < len(s.list) && !s.has(ssrc) {
		s.list[s.n] = ssrc
		s.n++
	}
}
