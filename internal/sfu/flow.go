package sfu

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"time"

	codec "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

const (
	flowWindow = 500 * time.Millisecond
	// silence is how long an encoding must have brought nothing to be taken for stopped: publishers who lack
	// bandwidth leave the larger ones out.
	silence = 700 * time.Millisecond
)

// flow measures what one of several encodings brings. One goroutine adds, any may ask.
type flow struct {
	since  time.Time // of the present window
	bytes  int
	frames int

	rate atomic.Int64 // bit/s; 0: not known yet
	pace atomic.Int64 // pictures in 1,000 s; likewise
	last atomic.Int64 // when the last packet came, in Unix nanoseconds
}

func (f *flow) add(n int, now time.Time) {
	if at := now.UnixNano(); at > f.last.Load() { // what is sent again came long ago
		f.last.Store(at)
	}
	f.bytes += n
	took := now.Sub(f.since)
	switch {
	case took < flowWindow:
		return
	case took < 2*flowWindow: // else the first window, or one with a silence in it
		smooth(&f.rate, float64(8*f.bytes)/took.Seconds())
		smooth(&f.pace, float64(1000*f.frames)/took.Seconds())
	}
	f.since, f.bytes, f.frames = now, 0, 0
}

// smooth takes what one window gave.
func smooth(v *atomic.Int64, now float64) {
	next := int64(now)
	if old := v.Load(); old > 0 {
		next = (3*old + next) / 4
	}
	v.Store(next)
}

// forget begins to measure anew.
func (f *flow) forget() {
	f.since, f.bytes, f.frames = time.Time{}, 0, 0
	f.rate.Store(0)
	f.pace.Store(0)
	f.last.Store(0)
}

func (f *flow) bitrate() int { return int(f.rate.Load()) }

// frameRate gives pictures per second, rounded.
func (f *flow) frameRate() int { return int(f.pace.Load()+500) / 1000 }

func (f *flow) alive(now time.Time) bool {
	return now.UnixNano()-f.last.Load() < int64(silence)
}

// size is how large an encoding's pictures are. One goroutine learns, any may ask.
type size struct {
	sps    []byte // that was learned from
	packed atomic.Uint64
}

// learn takes the first packet of a key frame, and says whether the size is another one now.
func (s *size) learn(payload []byte) (changed bool) {
	nal := findSPS(payload)
	if nal == nil || bytes.Equal(nal, s.sps) {
		return false
	}
	s.sps = append(s.sps[:0], nal...)
	var sps codec.SPS
	if sps.Unmarshal(s.sps) != nil {
		return false
	}
	w, h := sps.Width(), sps.Height()
	if w <= 0 || h <= 0 || w >= 1<<16 || h >= 1<<16 {
		return false
	}
	now := uint64(w)<<32 | uint64(h)
	return s.packed.Swap(now) != now
}

// sides gives width and height, 0 and 0 if they are not known.
func (s *size) sides() (width, height int) {
	v := s.packed.Load()
	return int(v >> 32), int(v & 0xFFFFFFFF)
}

func (s *size) pixels() int {
	w, h := s.sides()
	return w * h
}

// findSPS gives a packet's sequence parameter set (RFC 6184 §5.6, §5.7.1), or nil.
func findSPS(payload []byte) []byte {
	if len(payload) == 0 {
		return nil
	}
	switch payload[0] & 0x1F {
	case nalSPS:
		return payload
	case nalSTAPA:
		for rest := payload[1:]; len(rest) > 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if n == 0 || n > len(rest)-2 {
				return nil
			}
			if nal := rest[2 : 2+n]; nal[0]&0x1F == nalSPS {
				return nal
			}
			rest = rest[2+n:]
		}
	}
	return nil
}
