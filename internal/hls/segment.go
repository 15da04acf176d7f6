package hls

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
)

// initSection is an initialization section; it is immutable.
type initSection struct {
	name   string
	data   []byte
	length []string // the Content-Length header
	video  *videoFormat
	audio  *audioFormat // nil: there is none
}

// part is a partial segment; it is immutable.
type part struct {
	name        string
	data        []byte
	length      []string // the Content-Length header
	start, dur  ticks
	independent bool // begins with a key frame
	gap         bool // its data is gone
}

// segment is a stretch of the timeline: as many parts in each lane, which begin and end at the same times.
// Its writer appends parts; readers see it only through snapshots, which carry how many parts it had.
// Once complete it is immutable.
type segment struct {
	msn           uint64
	discontinuity bool
	gap           bool   // its media is gone, see pastSegment
	cc            uint64 // discontinuity sequence number
	start, dur    ticks
	firstPart     uint64    // number of the first part, counted over the packager's life
	strand                  // of lane 0
	others        []*strand // of lanes 1, 2, …; those that joined later are not there
	past          []byte    // what keep tells of it, once complete
}

// strand is what one lane has of a segment.
type strand struct {
	name   string
	init   *initSection
	parts  []*part
	bytes  int
	held   int      // bytes that no other lane's strand holds, too
	length []string // the Content-Length header; set when complete

	head   []byte // playlist text before the parts, without EXT-X-MAP
	middle []byte // playlist text of the parts
	tail   []byte // playlist text after the parts; set when complete
}

// lane gives what lane i has of the segment, nil if it was not there yet.
func (g *segment) lane(i int) *strand {
	switch {
	case i == 0:
		return &g.strand
	case i <= len(g.others):
		return g.others[i-1]
	}
	return nil
}

// size is how many bytes all lanes hold.
func (g *segment) size() int {
	n := g.held
	for _, s := range g.others {
		n += s.held
	}
	return n
}

// nameOf makes a file name that says for people which session and which number it is, and that nobody
// can guess: parts need no other protection than that only playlists name them.
func nameOf(kind byte, number uint64, session, suffix string) string {
	var raw [9]byte
	rand.Read(raw[:])
	b := make([]byte, 0, 48)
	b = append(b, kind)
	b = strconv.AppendUint(b, number, 10)
	b = append(b, '-')
	b = append(b, session...)
	b = append(b, '-')
	b = base64.RawURLEncoding.AppendEncode(b, raw[:])
	b = append(b, suffix...)
	return string(b)
}

// numberOf reads the number back out of a name.
func numberOf(name string) (kind byte, number uint64, ok bool) {
	if name == "" {
		return 0, 0, false
	}
	i := 1
	for i < len(name) && i < 20 && '0' <= name[i] && name[i] <= '9' {
		number = number*10 + uint64(name[i]-'0')
		i++
	}
	return name[0], number, i > 1 && i < len(name) && name[i] == '-'
}

func appendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

func contentLength(n int) []string { return []string{strconv.Itoa(n)} }
