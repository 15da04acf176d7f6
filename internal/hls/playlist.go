package hls

import (
	"bytes"
	"sync"

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

// appendPlaylist writes lane i's media playlist of s; the lane has at least one segment or part. A plain
// one lists no parts, and so nothing of the open segment.
func appendPlaylist(b []byte, s *snapshot, i int) []byte {
	v, from := s.lane(i), s.from(i)
	first := s.open
	if from < len(s.segments) {
		first = s.segments[from]
	}
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

	left, _ := totals(s.segments[from:]) // media after the segment at hand
	for _, p := range v.parts {
		left += p.dur
	}
	var init *initSection
	for _, g := range s.segments[from:] {
		in := g.lane(i)
		b = appendSegment(b, g, in, &init)
		if left -= g.dur; left < 3*targetDuration && !s.plain {
			b = append(b, in.middle...)
		}
		b = append(b, in.tail...)
	}
	if s.open != nil && !s.plain {
		if in := s.open.lane(i); in != nil {
			b = appendSegment(b, s.open, in, &init)
			b = append(b, in.middle...)
		}
	}
	switch {
	case s.ended:
		b = append(b, "#EXT-X-ENDLIST\n"...)
	case s.plain:
		b = append(b, "# more follows\n"...) // see below
	case v.hint != "":
		b = append(b, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`...)
		b = append(b, v.hint...)
		b = append(b, "\"\n"...)
		b = appendReports(b, s, i)
	case s.open == nil:
		// hls.js (1.7.4) takes a segment that nothing follows for the open one, and fails for good when
		// the next one comes.
		b = append(b, "# the stream pauses\n"...)
	}
	return b
}

// appendReports tells how far the other lanes are, so that a player which switches asks at once for what
// comes next there. URIs have no query, since all viewers read the same bytes: players resolve them against
// the playlist's own address, and hls.js takes one for the playlist whose address begins like it.
func appendReports(b []byte, s *snapshot, i int) []byte {
	for j := range s.lanes() {
		other := s.lane(j)
		if j == i || other.variant == nil {
			continue
		}
		msn, parts := s.nextMSN, len(other.parts)
		if parts == 0 {
			msn--
			parts = len(s.segments[len(s.segments)-1].lane(j).parts)
		}
		b = append(b, `#EXT-X-RENDITION-REPORT:URI="`...)
		b = appendPlaylistFile(b, j)
		b = append(b, `",LAST-MSN=`...)
		b = appendUint(b, msn)
		b = append(b, ",LAST-PART="...)
		b = appendUint(b, uint64(parts-1))
		b = append(b, '\n')
	}
	return b
}

// appendSegment writes what stands before a segment's parts; init is what the segment before it needs.
func appendSegment(b []byte, g *segment, in *strand, init **initSection) []byte {
	if g.discontinuity {
		b = append(b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if in.init != *init {
		b = append(b, `#EXT-X-MAP:URI="`...)
		b = append(b, in.init.name...)
		b = append(b, "\"\n"...)
		*init = in.init
	}
	return append(b, in.head...)
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
	if p.gap {
		b = append(b, ",GAP=YES"...)
	}
	return append(b, '\n')
}

func appendSegmentTail(b []byte, name string, dur ticks) []byte {
	b = append(b, "#EXTINF:"...)
	b = appendSeconds(b, dur)
	b = append(b, ",\n"...)
	b = append(b, name...)
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
