package ingest

import (
	"bytes"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// MPEG transport streams: ISO/IEC 13818-1. One program is taken in, of it one video and one audio stream.

const (
	tsPacket   = 188
	tsSync     = 0x47
	tsPATPID   = 0
	tsNullPID  = 0x1FFF
	tsNoPID    = 0xFFFF // stands for no stream; packets have 13 bits for theirs
	tsClock    = 90     // ticks of timestamps in a millisecond
	tsTimeBits = 33

	maxVideoPES = 8 << 20 // as large as a video message over RTMP may be
	maxAudioPES = 256 << 10
)

// tsReader turns the bytes of a transport stream into the frames of a stream. Packets may be cut anywhere.
//
// What is broken or missing never reaches the stream: an access unit of which a packet was lost is
// dropped, and after it all pictures up to the next key frame.
type tsReader struct {
	stream *media.Stream
	arena  arena
	clock  clock
	time   int64 // the newest timestamp of any track, unwrapped

	videoClock, audioClock trackClock // they outlive what is taken in: a track's times never go back

	rest []byte // the beginning of a packet whose end has not come

	pat, pmt     tsSection
	program, pid uint16 // the program that is taken in, and where its map is
	video        *tsVideo
	audio        *tsAudio

	videos, audios int64 // frames written
	skipped        int64 // access units that were damaged, came before their configuration, or depend on lost ones
}

func newTSReader(s *media.Stream) *tsReader {
	return &tsReader{stream: s, clock: clock{scale: tsClock}, rest: make([]byte, 0, tsPacket), pid: tsNoPID}
}

// feed takes the bytes that came at a time. Errors are faults: a codec that is not supported, or the
// reason for which the stream has ended.
func (r *tsReader) feed(b []byte, arrived time.Time) error {
	if len(r.rest) > 0 {
		n := min(tsPacket-len(r.rest), len(b))
		r.rest = append(r.rest, b[:n]...)
		if b = b[n:]; len(r.rest) < tsPacket {
			return nil
		}
		if err := r.packet(r.rest, arrived); err != nil {
			return err
		}
		r.rest = r.rest[:0]
	}
	for len(b) > 0 {
		if b[0] != tsSync || len(b) > tsPacket && b[tsPacket] != tsSync {
			if b = resync(b[1:]); b == nil {
				return nil
			}
			continue
		}
		if len(b) < tsPacket {
			r.rest = append(r.rest, b...)
			return nil
		}
		if err := r.packet(b[:tsPacket], arrived); err != nil {
			return err
		}
		b = b[tsPacket:]
	}
	return nil
}

// resync gives b from where the next packet may begin; nil if there is no such place.
func resync(b []byte) []byte {
	if i := bytes.IndexByte(b, tsSync); i >= 0 {
		return b[i:]
	}
	return nil
}

// lost says that bytes are missing between the last feed and the next.
func (r *tsReader) lost() {
	r.rest = r.rest[:0]
	r.pat.lost()
	r.pmt.lost()
	if r.video != nil {
		r.skipped += r.video.lost()
	}
	if r.audio != nil {
		r.skipped += r.audio.lost()
	}
}

// end takes what only waits for its end to be known.
func (r *tsReader) end() error {
	if r.video == nil {
		return nil
	}
	return r.video.finish(r)
}

// packet takes one packet (§2.4.3.2).
func (r *tsReader) packet(b []byte, arrived time.Time) error {
	pid := (uint16(b[1])<<8 | uint16(b[2])) & 0x1FFF
	if pid == tsNullPID || b[0] != tsSync {
		return nil
	}
	p := tsPayload{start: b[1]&0x40 != 0, counter: b[3] & 0x0F, damaged: b[1]&0x80 != 0 || b[3]&0xC0 != 0}
	switch b[3] >> 4 & 3 {
	case 1:
		p.data = b[4:]
	case 3:
		if n := int(b[4]); n > 0 && n < tsPacket-5 {
			p.fresh = b[5]&0x80 != 0
			p.data = b[5+n:]
			break
		} else if n == 0 {
			p.data = b[5:]
			break
		}
		return nil
	default:
		return nil // no payload: the counter stands still
	}
	switch {
	case pid == tsPATPID:
		return r.pat.take(p, r.onPAT)
	case pid == r.pid:
		return r.pmt.take(p, r.onPMT)
	case r.video != nil && pid == r.video.pid:
		return r.video.take(r, p, arrived)
	case r.audio != nil && pid == r.audio.pid:
		return r.audio.take(r, p, arrived)
	}
	return nil
}

// at gives the time of an access unit of a track from its 33-bit timestamp.
func (r *tsReader) at(t *trackClock, timestamp int64) time.Duration {
	const half = 1 << (tsTimeBits - 1)
	if !r.clock.begun {
		r.time = timestamp
	}
	step := (timestamp-r.time+half)&(1<<tsTimeBits-1) - half
	raw := r.time + step
	r.time = raw
	return r.clock.place(t, raw)
}

// tsPayload is what one packet carries.
type tsPayload struct {
	start   bool // a section or an access unit begins in it
	damaged bool // the sender says so, or it is scrambled
	fresh   bool // the sender says that its counter begins anew
	counter byte
	data    []byte
}

// tsCounter watches the continuity counter of one PID (§2.4.3.3).
type tsCounter struct {
	begun bool
	last  byte
}

// next tells whether a packet repeats the one before it, and whether something is missing before it.
func (c *tsCounter) next(p tsPayload) (repeated, gap bool) {
	begun, last := c.begun, c.last
	c.begun, c.last = true, p.counter
	switch {
	case !begun || p.fresh:
		return false, false
	case p.counter == last:
		return true, false
	}
	return false, p.counter != (last+1)&0x0F
}
