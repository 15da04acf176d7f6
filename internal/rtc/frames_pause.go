package rtc

import (
	"encoding/binary"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// A camera that is muted, or a screen on which nothing happens, sends no pictures, while the sound goes
// on. Players stop where either is missing, so the newest picture is repeated at the sound's pace.
const (
	stillAfter = 600 * time.Millisecond // more than a picture waits for what was lost of it
	stillEvery = 300 * time.Millisecond
	stillBack  = 150 * time.Millisecond // how far behind the sound, since the next picture may come at any time
	keyAfter   = 3 * time.Second        // from when on the last key frame is repeated, too, for those who come to watch
)

// pause keeps what is needed to bridge one.
type pause struct {
	stills stills
	real   time.Duration // DTS of the publisher's own newest picture
	floor  time.Duration // of the newest made up one: no picture may be shown before it
	key    *media.Frame  // the newest key frame
	keyAt  time.Duration // its DTS, or that of its newest repetition
}

// note takes a picture of the publisher's own.
func (s *pause) note(f *media.Frame, slice []byte) {
	s.stills.follow(f.Track, slice)
	s.real = f.DTS
	if f.Key {
		s.key, s.keyAt = f, f.DTS
	}
}

// bridge writes a picture if there has been none for long before now, a time of the sound.
func (v *videoSink) bridge(now time.Duration, arrived time.Time) {
	s := &v.pause
	if s.key == nil || v.order.held > 0 || v.unit.open {
		return
	}
	at := now - stillBack
	if v.dts == s.real && now-v.dts < stillAfter || at-v.dts < stillEvery {
		return
	}
	f := &media.Frame{Track: s.key.Track, DTS: at, PTS: at, Arrived: arrived}
	if at-s.keyAt >= keyInterval && now-s.real >= keyAfter {
		// What comes next refers to pictures that this one makes the decoder forget.
		v.waiting = true
		f.Key, f.Payload = true, s.key.Payload
		s.keyAt = at
		s.stills.follow(f.Track, sliceOf(f.Payload))
	} else if f.Payload = s.stills.make(); f.Payload == nil {
		return
	}
	v.dts, v.clock.last, s.floor = at, at, at
	v.p.write(f)
}

// sliceOf gives the first slice of a frame.
func sliceOf(b []byte) []byte {
	for len(b) > 4 {
		n := int(binary.BigEndian.Uint32(b))
		if b[4]&0x1F != nalSEI {
			return b[4 : 4+n]
		}
		b = b[4+n:]
	}
	return nil
}
