package hls

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// variant is what the multivariant playlist says of a rendition; it is immutable.
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

// lines is by which a rendition's size is told, such as 1080 of 1920x1080, and of 1080x1920 as well.
func (v *variant) lines() int { return min(v.width, v.height) }

// allowed gives the lanes that a viewer may see who may see no more than so many lines (0: all), best first.
// Who may see less than there is sees the smallest.
func (s *snapshot) allowed(lines int) []int {
	var all, small []int
	for i := range s.lanes() {
		if v := s.lane(i).variant; v != nil {
			all = append(all, i)
			if v.lines() <= lines {
				small = append(small, i)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return better(s.lane(a).variant, s.lane(b).variant) })
	switch {
	case lines <= 0 || len(all) == 0:
		return all
	case len(small) == 0:
		return all[len(all)-1:]
	}
	return slices.DeleteFunc(all, func(i int) bool { return !slices.Contains(small, i) })
}

func better(a, b *variant) int {
	if n := b.width*b.height - a.width*a.height; n != 0 {
		return n
	}
	return int(b.peak - a.peak)
}

// appendMultivariant writes the multivariant playlist of what a viewer may see; url is lane 0's. It does not
// claim EXT-X-INDEPENDENT-SEGMENTS: segments of an encoder with a long key frame interval begin in the
// middle of one.
func appendMultivariant(b []byte, s *snapshot, url string, lines int) []byte {
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:6\n"...)
	for _, i := range s.allowed(lines) {
		b = appendVariant(b, s.lane(i).variant)
		b = append(b, strings.Replace(url, PlaylistFile, playlistFile(i), 1)...)
		b = append(b, '\n')
	}
	return b
}

func appendVariant(b []byte, v *variant) []byte {
	b = append(b, "#EXT-X-STREAM-INF:BANDWIDTH="...)
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
	return append(b, '\n')
}

// PlaylistFile is the name of lane 0's media playlist, the best rendition's; the others are av1.m3u8,
// av2.m3u8, and so on.
const PlaylistFile = "av.m3u8"

func playlistFile(i int) string { return string(appendPlaylistFile(nil, i)) }

func appendPlaylistFile(b []byte, i int) []byte {
	b = append(b, "av"...)
	if i > 0 {
		b = appendUint(b, uint64(i))
	}
	return append(b, ".m3u8"...)
}

// PlaylistOf tells whether a file is a media playlist by its name, and of which lane.
func PlaylistOf(file string) (lane int, ok bool) {
	if file == PlaylistFile {
		return 0, true
	}
	number, found := strings.CutPrefix(file, "av")
	number, found2 := strings.CutSuffix(number, ".m3u8")
	if !found || !found2 || len(number) > 2 || number == "" || number[0] < '1' {
		return 0, false
	}
	lane, err := strconv.Atoi(number)
	return lane, err == nil
}

// rateMeter measures the rendition that a lane was made for, in one session.
type rateMeter struct {
	bytes int
	dur   ticks
	peak  int64 // of segments that are at least half a target duration long (§4.4.6.2)
}

func (r *rateMeter) segment(s *strand, dur ticks) {
	if s.held > 0 {
		r.bytes += s.bytes
		r.dur += dur
	}
	if dur >= targetDuration/2-100*millisecond {
		r.peak = max(r.peak, bitrate(s.bytes, dur))
	}
}

// with counts a segment that is still open; both may be nil.
func (r rateMeter) with(s *strand, open *segment) rateMeter {
	if s != nil && s.held > 0 {
		r.bytes += s.bytes
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
