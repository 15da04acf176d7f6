package ingest

import (
	"bytes"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	adtsHeader   = 7
	adtsChecksum = 2
	opusRate     = 48000
	opusMost     = opusRate * 120 / 1000 // samples of a packet (RFC 6716 §3.2.5)
)

// tsAudio is the sound of a transport stream. A PES packet has one access unit or several, and the last
// of AAC may go on in the next packet.
type tsAudio struct {
	tsFound
	units tsUnits
	use   func(tsUnit) error
	track *media.Track // nil until the first frame of AAC said what it is

	rest  []byte // the beginning of an AAC frame whose end has not come
	next  int64  // the timestamp of what follows, in samples since the base below
	base  int64  // a timestamp of 33 bits
	based bool   // there is one
}

func newTSAudio(f tsFound) (*tsAudio, error) {
	a := &tsAudio{tsFound: f, units: tsUnits{most: maxAudioPES}}
	if f.kind == tsAAC {
		return a, nil
	}
	// The codes 1 and 2 are mono and stereo (Xiph's encapsulation of Opus in MPEG-TS, §4.1).
	if f.channels != 1 && f.channels != 2 {
		return nil, badAudio(media.Opus, "the channel layout is not supported, use mono or stereo")
	}
	a.track = &media.Track{
		ID: media.FirstAudio, Kind: media.Audio, Codec: media.Opus,
		Config:     []byte{0, f.channels, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0}, // 48 kHz, nothing to skip
		SampleRate: opusRate, Channels: int(f.channels),
	}
	return a, nil
}

// lost drops what is not whole; it gives the number of access units that went with it.
func (a *tsAudio) lost() int64 {
	had := a.units.lost() || len(a.rest) > 0
	a.rest = a.rest[:0]
	a.based = false
	if had {
		return 1
	}
	return 0
}

func (a *tsAudio) take(r *tsReader, p tsPayload, arrived time.Time) error {
	if a.use == nil {
		a.use = func(u tsUnit) error {
			switch {
			case u.broken:
				a.rest, a.based = a.rest[:0], false
				r.skipped++
				return nil
			case a.kind == tsAAC:
				return a.onAAC(r, u)
			}
			return a.onOpus(r, u)
		}
	}
	ok, gap := a.units.check(p)
	if gap {
		a.rest, a.based = a.rest[:0], false
		r.skipped++
	}
	if !ok {
		return nil
	}
	return a.units.add(p, arrived, a.use)
}

// onAAC takes the ADTS frames (ISO/IEC 14496-3 §1.A.2) of a packet. Its timestamp is that of the first
// frame that begins in it.
func (a *tsAudio) onAAC(r *tsReader, u tsUnit) error {
	b, carried := u.data, len(a.rest)
	if carried > 0 {
		a.rest = append(a.rest, b...)
		b = a.rest
	}
	for at := 0; ; {
		if at >= carried && u.pts >= 0 {
			a.base, a.next, a.based, u.pts = u.pts, 0, true, -1
		}
		if len(b)-at < adtsHeader {
			a.keep(b[at:])
			return nil
		}
		h, ok := parseADTS(b[at:])
		if !ok {
			// Out of step, as after a loss: the next sync word counts.
			i := bytes.IndexByte(b[at+1:], 0xFF)
			r.skipped++
			if i < 0 {
				a.keep(nil)
				return nil
			}
			at += 1 + i
			continue
		}
		if at+h.size > len(b) {
			a.keep(b[at:])
			return nil
		}
		if err := a.frame(r, h, b[at+h.head:at+h.size], u.arrived); err != nil {
			return err
		}
		at += h.size
	}
}

// keep keeps the beginning of a frame, which may lie in rest itself.
func (a *tsAudio) keep(b []byte) { a.rest = append(a.rest[:0], b...) }

func (a *tsAudio) frame(r *tsReader, h adts, data []byte, arrived time.Time) error {
	if a.track == nil || a.track.SampleRate != h.rate || a.track.Channels != h.channels || a.track.Config[0]>>3 != h.object {
		if h.channels == 0 {
			return badAudio(media.AAC, "the channel layout cannot be read, use mono or stereo")
		}
		a.track = &media.Track{
			ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: h.config(),
			SampleRate: h.rate, Channels: h.channels,
		}
	}
	if !a.based {
		r.skipped++
		return nil
	}
	at := a.base + a.next*tsClock*1000/int64(h.rate)
	a.next += 1024
	return a.write(r, at, append(r.arena.buffer(len(data)), data...), arrived)
}

func (a *tsAudio) write(r *tsReader, at int64, payload []byte, arrived time.Time) error {
	f := r.arena.frame()
	f.Track, f.Arrived, f.Key, f.Payload = a.track, arrived, true, payload
	f.DTS = r.at(&r.audioClock, at&(1<<tsTimeBits-1))
	f.PTS = f.DTS
	r.audios++
	return r.stream.Write(f)
}

// onOpus takes the packets of Opus in a PES packet, each with a control header before it (Xiph's
// encapsulation of Opus in MPEG-TS, §4.3).
func (a *tsAudio) onOpus(r *tsReader, u tsUnit) error {
	if u.pts < 0 {
		r.skipped++
		return nil
	}
	at := u.pts
	for b := u.data; len(b) > 0; {
		data, rest, ok := opusControl(b)
		samples := opus.PacketDuration2(data)
		if !ok || samples <= 0 || samples > opusMost {
			r.skipped++
			return nil
		}
		if err := a.write(r, at, append(r.arena.buffer(len(data)), data...), u.arrived); err != nil {
			return err
		}
		at += samples * tsClock * 1000 / opusRate
		b = rest
	}
	return nil
}

// opusControl takes the first packet of Opus off b.
func opusControl(b []byte) (packet, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != 0x7F || b[1]&0xE0 != 0xE0 {
		return nil, nil, false
	}
	flags, n := b[1], 0
	for b = b[2:]; ; b = b[1:] {
		if len(b) == 0 {
			return nil, nil, false
		}
		n += int(b[0])
		if b[0] != 0xFF {
			b = b[1:]
			break
		}
	}
	if flags&0x10 != 0 { // how much to trim at the start
		b = skip(b, 2)
	}
	if flags&0x08 != 0 { // and at the end
		b = skip(b, 2)
	}
	if flags&0x04 != 0 && len(b) > 0 { // an extension
		b = skip(b, 1+int(b[0]))
	}
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// adts is the header of an ADTS frame.
type adts struct {
	object     byte // MPEG-4 audio object type
	rateIndex  byte
	rate       int
	layout     byte // channel configuration
	channels   int  // 0 if the frame itself says
	head, size int  // bytes: header and checksum, and the whole frame
}

var adtsRates = [13]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// parseADTS reads a header of at least seven bytes. Frames with more than one block of samples are refused:
// nobody sends them.
func parseADTS(b []byte) (adts, bool) {
	if b[0] != 0xFF || b[1]&0xF6 != 0xF0 {
		return adts{}, false
	}
	h := adts{
		object: b[2]>>6 + 1, rateIndex: b[2] >> 2 & 0x0F, layout: b[2]&1<<2 | b[3]>>6, head: adtsHeader,
		size: int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5),
	}
	if b[1]&1 == 0 {
		h.head += adtsChecksum
	}
	if int(h.rateIndex) >= len(adtsRates) || h.size <= h.head || b[6]&3 != 0 {
		return adts{}, false
	}
	h.rate, h.channels = adtsRates[h.rateIndex], int(h.layout)
	if h.layout == 7 {
		h.channels = 8
	}
	return h, true
}

// config gives the AudioSpecificConfig that says the same.
func (h adts) config() []byte {
	return []byte{h.object<<3 | h.rateIndex>>1, h.rateIndex<<7 | h.layout<<3}
}
