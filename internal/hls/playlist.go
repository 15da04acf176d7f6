package hls

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Playlist text after draft-pantos-hls-rfc8216bis §4. Version 6 is what EXT-X-MAP needs; the tags of
// low latency do not ask for more, and plain players know it.
const (
	playlistHead = "#EXTM3U\n" +
		"#EXT-X-VERSION:6\n" +
		"#EXT-X-TARGETDURATION:4\n"
	lowLatencyHead = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.05,HOLD-BACK=12.0\n" +
		"#EXT-X-PART-INF:PART-TARGET=0.35\n"
)

// appendPlaylist writes the media playlist of s, which has at least one segment or part. Reports on
// other renditions (EXT-X-RENDITION-REPORT) would stand after the preload hint. A plain one lists no
// parts, and so nothing of the open segment.
func appendPlaylist(b []byte, s *snapshot) []byte {
	first := s.first()
	b = append(b, playlistHead...)
	if !s.plain {
		b = append(b, lowLatencyHead...)
	}
	b = append(b, "#EXT-X-MEDIA-SEQUENCE:"...)
	b = appendUint(b, first.msn)
	cc := first.cc
	if first.discontinuity {
		cc-- // its own EXT-X-DISCONTINUITY still stands there and counts
	}
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = appendUint(b, cc)
	b = append(b, '\n')
	for _, r := range s.ranges {
		b = appendRange(b, r)
	}

	left, _ := totals(s.segments) // media after the segment at hand
	for _, p := range s.parts {
		left += p.dur
	}
	var init *initSection
	for _, g := range s.segments {
		b = appendSegment(b, g, &init)
		if left -= g.dur; left < 3*targetDuration && !s.plain {
			b = append(b, g.middle...)
		}
		b = append(b, g.tail...)
	}
	if s.open != nil && !s.plain {
		b = appendSegment(b, s.open, &init)
		b = append(b, s.open.middle...)
	}
	switch {
	case s.ended:
		b = append(b, "#EXT-X-ENDLIST\n"...)
	case s.plain:
		b = append(b, "# more follows\n"...) // see below
	case s.hint != "":
		b = append(b, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`...)
		b = append(b, s.hint...)
		b = append(b, "\"\n"...)
	case s.open == nil:
		// hls.js (1.7.4) takes a segment that nothing follows for the open one, and fails for good when
		// the next one comes.
		b = append(b, "# the stream pauses\n"...)
	}
	return b
}

// appendSegment writes what stands before a segment's parts; init is what the segment before it needs.
func appendSegment(b []byte, g *segment, init **initSection) []byte {
	if g.discontinuity {
		b = append(b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if g.init != *init {
		b = append(b, `#EXT-X-MAP:URI="`...)
		b = append(b, g.init.name...)
		b = append(b, "\"\n"...)
		*init = g.init
	}
	return append(b, g.head...)
}

func appendSegmentHead(b []byte, g *segment) []byte {
	b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
	b = g.start.date().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return append(b, '\n')
}

func appendPart(b []byte, p *part) []byte {
	b = append(b, "#EXT-X-PART:DURATION="...)
	b = appendSeconds(b, p.dur)
	b = append(b, `,URI="`...)
	b = append(b, p.name...)
	b = append(b, '"')
	if p.independent {
		b = append(b, ",INDEPENDENT=YES"...)
	}
	return append(b, '\n')
}

func appendSegmentTail(b []byte, g *segment) []byte {
	b = append(b, "#EXTINF:"...)
	b = appendSeconds(b, g.dur)
	b = append(b, ",\n"...)
	b = append(b, g.name...)
	return append(b, '\n')
}

// body is a text in both forms it travels in, with the Content-Length header of each.
type body struct {
	plain, packed             []byte
	plainLength, packedLength []string
}

// newBody copies text and compresses it.
func newBody(text []byte) body {
	z := packers.Get().(*packer)
	defer packers.Put(z)
	z.buf.Reset()
	z.Reset(&z.buf)
	z.Write(text) // into memory: cannot fail
	z.Close()
	b := body{plain: bytes.Clone(text), packed: bytes.Clone(z.buf.Bytes())}
	b.plainLength, b.packedLength = contentLength(len(b.plain)), contentLength(len(b.packed))
	return b
}

// packer is a compressor and its output; it is large, and needed for microseconds only.
type packer struct {
	*gzip.Writer
	buf bytes.Buffer
}

var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &packer{Writer: z}
}}

// variant is what the multivariant playlist says of the rendition; it is immutable.
type variant struct {
	codecs        string
	width, height int
	frameRate     float64
	peak, average int64 // bits per second
}

func newVariant(init *initSection, r rateMeter, frameRate float64) *variant {
	v := &variant{codecs: init.video.codec, width: init.video.width, height: init.video.height, frameRate: frameRate}
	if init.audio != nil {
		v.codecs += "," + init.audio.codec
	}
	v.peak, v.average = r.bandwidth()
	return v
}

// appendMultivariant writes the multivariant playlist. It does not claim EXT-X-INDEPENDENT-SEGMENTS:
// segments of an encoder with a long key frame interval begin in the middle of one.
func appendMultivariant(b []byte, v *variant, url string) []byte {
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-STREAM-INF:BANDWIDTH="...)
	b = strconv.AppendInt(b, v.peak, 10)
	b = append(b, ",AVERAGE-BANDWIDTH="...)
	b = strconv.AppendInt(b, v.average, 10)
	b = append(b, `,CODECS="`...)
	b = append(b, v.codecs...)
	b = append(b, '"')
	if v.width > 0 && v.height > 0 {
		b = append(b, ",RESOLUTION="...)
		b = strconv.AppendInt(b, int64(v.width), 10)
		b = append(b, 'x')
		b = strconv.AppendInt(b, int64(v.height), 10)
	}
	if v.frameRate > 0 {
		b = append(b, ",FRAME-RATE="...)
		b = strconv.AppendFloat(b, v.frameRate, 'f', 3, 64)
	}
	b = append(b, '\n')
	b = append(b, url...)
	return append(b, '\n')
}

// rateMeter measures a session.
type rateMeter struct {
	bytes int
	dur   ticks
	peak  int64 // of segments that are at least half a target duration long (§4.4.6.2)
}

func (r *rateMeter) segment(bytes int, dur ticks) {
	r.bytes += bytes
	r.dur += dur
	if dur >= targetDuration/2-100*millisecond {
		r.peak = max(r.peak, bitrate(bytes, dur))
	}
}

// with counts a segment that is still open, which may be nil, too.
func (r rateMeter) with(open *segment) rateMeter {
	if open != nil {
		r.bytes += open.bytes
		r.dur += open.dur
	}
	return r
}

func (r rateMeter) bandwidth() (peak, average int64) {
	average = bitrate(r.bytes, r.dur)
	return max(r.peak, average), average
}

func bitrate(bytes int, dur ticks) int64 {
	if dur <= 0 {
		return 0
	}
	return int64(float64(bytes) * 8 / time.Duration(dur.duration()).Seconds())
}
