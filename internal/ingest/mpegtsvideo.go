package ingest

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// maxShown is the longest that a picture may be decoded before it is shown; what says more is broken.
const maxShown = 10 * time.Second

// tsVideo is the video of a transport stream: NAL units with start codes (ITU-T H.264 and H.265 annex B),
// one access unit in each PES packet.
type tsVideo struct {
	tsFound
	units   tsUnits
	use     func(tsUnit) error // made once, so that nothing is allocated for each packet
	decoder videoDecoder
	track   *media.Track // nil until there is a whole decoder configuration
	waiting bool         // for a key frame: what comes before depends on lost pictures
	leading bool         // the latest picture was a key frame that was waited for
	nals    [][2]int     // scratch: where the NAL units of an access unit begin and end
}

func newTSVideo(f tsFound) *tsVideo {
	v := &tsVideo{tsFound: f, units: tsUnits{most: maxVideoPES}, waiting: true}
	if f.kind == tsHEVC {
		v.decoder = &hevcConfig{lengthSize: 4}
	} else {
		v.decoder = &avcConfig{lengthSize: 4}
	}
	return v
}

// lost makes the track wait for a key frame; it gives the number of access units that went with it.
func (v *tsVideo) lost() int64 {
	v.waiting = true
	if v.units.lost() {
		return 1
	}
	return 0
}

func (v *tsVideo) take(r *tsReader, p tsPayload, arrived time.Time) error {
	ok, gap := v.units.check(p)
	if gap {
		v.waiting = true
		r.skipped++
	}
	if !ok {
		return nil
	}
	return v.units.add(p, arrived, v.sink(r))
}

func (v *tsVideo) finish(r *tsReader) error { return v.units.finish(v.sink(r)) }

func (v *tsVideo) sink(r *tsReader) func(tsUnit) error {
	if v.use == nil {
		v.use = func(u tsUnit) error { return v.onUnit(r, u) }
	}
	return v.use
}

// onUnit takes one access unit.
func (v *tsVideo) onUnit(r *tsReader, u tsUnit) error {
	var payload []byte
	if !u.broken && u.pts >= 0 {
		payload = v.lengths(r, u.data)
	}
	if payload == nil { // a part of a picture, or one that nobody knows when to show
		v.waiting = true
		r.skipped++
		return nil
	}
	pic, err := v.decoder.accessUnit(payload)
	if err != nil {
		return err
	}
	if pic.changed && v.decoder.whole() {
		if err := v.decoder.rebuild(); err != nil {
			return err
		}
		if v.track, err = v.decoder.track(media.FirstVideo, declared{}); err != nil {
			return err
		}
	}
	if pic.payload == nil {
		return nil
	}
	if !v.decoder.whole() || v.waiting && !pic.key || v.leading && v.depends(u.data) {
		r.skipped++
		return nil
	}
	v.leading = v.waiting // as long as pictures may come that are shown before the key frame
	v.waiting = false
	f := r.arena.frame()
	f.Track, f.Arrived, f.Key, f.Payload = v.track, u.arrived, pic.key, pic.payload
	f.DTS = r.at(&r.videoClock, u.dts)
	f.PTS = f.DTS
	const wrap = 1<<tsTimeBits - 1
	if shown := time.Duration((u.pts-u.dts)&wrap) * time.Millisecond / tsClock; shown <= maxShown {
		f.PTS += shown
	}
	r.videos++
	return r.stream.Write(f)
}

// depends tells whether the picture in b, which follows a key frame of HEVC, refers to pictures before that:
// a skipped leading picture, whose NAL units are of the types 8 and 9 (ITU-T H.265 table 7-1).
func (v *tsVideo) depends(b []byte) bool {
	if v.kind != tsHEVC {
		return false
	}
	for _, n := range v.nals {
		if kind := b[n[0]] >> 1 & 0x3F; kind == 8 || kind == 9 {
			return true
		}
	}
	return false
}

// lengths gives an access unit with lengths of 4 bytes in place of start codes, in memory of its own; nil
// if there is no start code at its beginning.
func (v *tsVideo) lengths(r *tsReader, b []byte) []byte {
	v.nals = v.nals[:0]
	size, begin := 0, -1
	for at := 0; ; {
		i := bytes.Index(b[at:], startCode)
		end := len(b)
		if i >= 0 {
			end = at + i
		}
		// Zeros before a start code belong to neither unit, and no unit ends with one.
		nal := bytes.TrimRight(b[max(begin, 0):end], "\x00")
		if begin < 0 {
			if i < 0 || len(nal) > 0 {
				return nil
			}
		} else if len(nal) > 0 {
			v.nals = append(v.nals, [2]int{begin, begin + len(nal)})
			size += 4 + len(nal)
		}
		if i < 0 {
			break
		}
		at = end + len(startCode)
		begin = at
	}
	if size == 0 {
		return nil
	}
	out := r.arena.buffer(size)
	for _, n := range v.nals {
		out = append(binary.BigEndian.AppendUint32(out, uint32(n[1]-n[0])), b[n[0]:n[1]]...)
	}
	return out
}

var startCode = []byte{0, 0, 1}
