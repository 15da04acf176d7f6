// Package hlscheck judges what an LL-HLS packager serves: playlists one by one and over time, and the
// fMP4 media they name. It reads text and bytes only and shares no code with the packager, so that all
// tests, end to end ones too, can use it.
//
// The rules are those of draft-pantos-hls-rfc8216bis and the narrower ones this project has set for
// itself (fixed target durations, a date on each segment).
package hlscheck

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Playlist is a media playlist as far as the rules need it. Durations are in seconds, as written.
type Playlist struct {
	Version        int
	TargetDuration int
	PartTarget     float64
	MediaSequence  uint64
	Discontinuity  uint64 // EXT-X-DISCONTINUITY-SEQUENCE
	Control        map[string]string
	Segments       []Segment // the last may be incomplete: then its URI is empty
	Ranges         []Range
	Hint           string // URI of EXT-X-PRELOAD-HINT
	Reports        []Report
	Ended          bool
	Independent    bool // EXT-X-INDEPENDENT-SEGMENTS
}

// Segment is a segment of a Playlist.
type Segment struct {
	MSN           uint64
	URI           string
	Duration      float64
	Discontinuity bool
	CC            uint64 // discontinuity sequence number
	Map           string // URI of the EXT-X-MAP in force
	Date          time.Time
	Parts         []Part
	Gap           bool // EXT-X-GAP
}

// Part is a partial segment.
type Part struct {
	URI         string
	Duration    float64
	Independent bool
	Gap         bool // GAP=YES
}

// Complete tells whether the segment's EXTINF and URI are there.
func (s *Segment) Complete() bool { return s.URI != "" }

// End gives the media sequence number and part index that come next: what a player asks for.
func (p *Playlist) End() (msn uint64, part int) {
	n := len(p.Segments)
	if n > 0 && !p.Segments[n-1].Complete() {
		return p.Segments[n-1].MSN, len(p.Segments[n-1].Parts)
	}
	return p.MediaSequence + uint64(n), 0
}

// Parse reads a media playlist and gives the rules its text alone breaks.
func Parse(text string) (*Playlist, []string) {
	p := &parser{list: &Playlist{Version: 1}, seen: map[string]bool{}}
	lines := strings.Split(text, "\n")
	if lines[0] != "#EXTM3U" {
		p.wrong("the first line is not #EXTM3U")
		return p.list, p.faults
	}
	if !strings.HasSuffix(text, "\n") {
		p.wrong("the last line has no end")
	}
	for i, line := range lines[1:] {
		p.line = i + 2
		if line != "" {
			p.bare = line[0] != '#'
		}
		switch {
		case line == "":
		case strings.HasPrefix(line, "#EXT"):
			name, value, _ := strings.Cut(line[1:], ":")
			p.tag(name, value)
		case line[0] == '#':
		default:
			p.uri(line)
		}
	}
	p.finish()
	return p.list, p.faults
}

type parser struct {
	list   *Playlist
	faults []string
	seen   map[string]bool
	line   int
	cur    Segment
	open   bool // cur has something
	extinf bool
	mapURI string
	cc     uint64
	hinted bool
	bare   bool // the last line was a URI
}

func (p *parser) wrong(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf("line %d: ", p.line)+fmt.Sprintf(format, args...))
}

// once reports a tag that may stand only once, and before all segments.
func (p *parser) once(name string, header bool) {
	if p.seen[name] {
		p.wrong("%s stands twice", name)
	}
	p.seen[name] = true
	if header && (len(p.list.Segments) > 0 || p.open) {
		p.wrong("%s stands after the first segment", name)
	}
}

func (p *parser) number(name, value string) uint64 {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		p.wrong("%s is no number: %q", name, value)
	}
	return n
}

func (p *parser) seconds(name, value string) float64 {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || v < 0 || strings.ContainsAny(value, "eE+-") {
		p.wrong("%s is no decimal number: %q", name, value)
	}
	return v
}

func (p *parser) tag(name, value string) {
	l := p.list
	switch name {
	case "EXT-X-VERSION":
		p.once(name, true)
		l.Version = int(p.number(name, value))
	case "EXT-X-TARGETDURATION":
		p.once(name, true)
		l.TargetDuration = int(p.number(name, value))
	case "EXT-X-MEDIA-SEQUENCE":
		p.once(name, true)
		l.MediaSequence = p.number(name, value)
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		p.once(name, true)
		l.Discontinuity = p.number(name, value)
		p.cc = l.Discontinuity
	case "EXT-X-INDEPENDENT-SEGMENTS":
		p.once(name, false)
		l.Independent = true
	case "EXT-X-SERVER-CONTROL":
		p.once(name, true)
		l.Control = p.attributes(name, value)
	case "EXT-X-PART-INF":
		p.once(name, true)
		l.PartTarget = p.seconds("PART-TARGET", p.attributes(name, value)["PART-TARGET"])
	case "EXT-X-DISCONTINUITY":
		if len(p.cur.Parts) > 0 || p.extinf {
			p.wrong("%s stands inside a segment", name)
		}
		p.cur.Discontinuity, p.open = true, true
		p.cc++
	case "EXT-X-MAP":
		if len(p.cur.Parts) > 0 || p.extinf {
			p.wrong("%s stands inside a segment", name)
		}
		p.mapURI, p.open = p.quoted(name, p.attributes(name, value), "URI"), true
	case "EXT-X-PROGRAM-DATE-TIME":
		if !p.cur.Date.IsZero() {
			p.wrong("%s stands twice", name)
		}
		t, err := time.Parse("2006-01-02T15:04:05.999Z07:00", value)
		if err != nil {
			p.wrong("%s is no date: %q", name, value)
		}
		p.cur.Date, p.open = t, true
	case "EXT-X-PART":
		if p.extinf {
			p.wrong("a part stands after its segment's EXTINF")
		}
		a := p.attributes(name, value)
		part := Part{URI: p.quoted(name, a, "URI"), Duration: p.seconds("DURATION", a["DURATION"])}
		switch a["INDEPENDENT"] {
		case "":
		case "YES":
			part.Independent = true
		default:
			p.wrong("INDEPENDENT is neither YES nor absent")
		}
		part.Gap = a["GAP"] == "YES"
		p.begin()
		p.cur.Parts = append(p.cur.Parts, part)
	case "EXT-X-GAP":
		if p.extinf || p.cur.Gap {
			p.wrong("%s stands twice, or after EXTINF", name)
		}
		p.cur.Gap, p.open = true, true
	case "EXTINF":
		if p.extinf {
			p.wrong("EXTINF without a URI")
		}
		duration, _, ok := strings.Cut(value, ",")
		if !ok {
			p.wrong("EXTINF without a comma")
		}
		p.begin()
		p.cur.Duration, p.extinf = p.seconds(name, duration), true
	case "EXT-X-PRELOAD-HINT":
		a := p.attributes(name, value)
		if a["TYPE"] != "PART" {
			p.wrong("hint of type %q", a["TYPE"])
			return
		}
		p.once(name, false)
		l.Hint, p.hinted = p.quoted(name, a, "URI"), true
	case "EXT-X-ENDLIST":
		p.once(name, false)
		l.Ended = true
	case "EXT-X-RENDITION-REPORT":
		a := p.attributes(name, value)
		r := Report{p.quoted(name, a, "URI"), p.number("LAST-MSN", a["LAST-MSN"]), int(p.number("LAST-PART", a["LAST-PART"]))}
		if strings.HasPrefix(r.URI, "/") || strings.Contains(r.URI, ":") {
			p.wrong("%s: the URI is not relative: %s", name, r.URI)
		}
		l.Reports = append(l.Reports, r)
	case "EXT-X-SKIP":
		p.wrong("delta updates are not offered")
	case "EXT-X-DATERANGE":
		p.dateRange(name, p.attributes(name, value))
	case "EXT-X-STREAM-INF", "EXT-X-MEDIA":
		p.wrong("%s does not belong into a media playlist", name)
	}
}

// begin fixes what is in force at the first part, or the EXTINF, of a segment.
func (p *parser) begin() {
	if p.hinted || p.list.Ended {
		p.wrong("media stands after a preload hint or the end")
	}
	p.open = true
	if len(p.cur.Parts) == 0 && !p.extinf {
		p.cur.Map, p.cur.CC = p.mapURI, p.cc
		p.cur.MSN = p.list.MediaSequence + uint64(len(p.list.Segments))
		if p.mapURI == "" {
			p.wrong("no EXT-X-MAP before the first fMP4 media")
		}
		if p.cur.Date.IsZero() {
			p.wrong("segment %d has no date", p.cur.MSN)
		}
	}
}

func (p *parser) uri(line string) {
	if !p.extinf {
		p.wrong("a URI without EXTINF: %q", line)
		return
	}
	p.cur.URI = line
	p.list.Segments = append(p.list.Segments, p.cur)
	p.cur, p.extinf, p.open = Segment{}, false, false
}

func (p *parser) finish() {
	if p.extinf {
		p.wrong("EXTINF without a URI")
	}
	if len(p.cur.Parts) > 0 {
		p.list.Segments = append(p.list.Segments, p.cur)
	} else if p.open {
		p.wrong("tags without a segment at the end")
	}
	if p.bare {
		p.wrong("nothing follows the last segment: hls.js takes it for the open one")
	}
	for _, name := range []string{"EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE"} {
		if !p.seen[name] {
			p.wrong("%s is missing", name)
		}
	}
	if p.list.Version < 6 {
		p.wrong("EXT-X-MAP in a media playlist needs version 6, not %d", p.list.Version)
	}
}

func (p *parser) quoted(tag string, a map[string]string, name string) string {
	v := a[name]
	if len(v) < 3 || v[0] != '"' || v[len(v)-1] != '"' {
		p.wrong("%s: %s is no quoted string: %s", tag, name, v)
		return ""
	}
	return v[1 : len(v)-1]
}

// attributes reads an attribute list (§4.2); quoted values keep their quotes.
func (p *parser) attributes(tag, value string) map[string]string {
	a := map[string]string{}
	for value != "" {
		name, rest, ok := strings.Cut(value, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			p.wrong("%s: broken attribute list", tag)
			return a
		}
		end := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			q := strings.IndexByte(rest[1:], '"')
			if q < 0 {
				p.wrong("%s: quote without end", tag)
				return a
			}
			if end = q + 2; end == len(rest) {
				end = -1
			} else if rest[end] != ',' {
				p.wrong("%s: broken attribute list", tag)
				return a
			}
		}
		if _, twice := a[name]; twice {
			p.wrong("%s: %s stands twice", tag, name)
		}
		if end < 0 {
			a[name] = rest
			return a
		}
		a[name], value = rest[:end], rest[end+1:]
		if value == "" {
			p.wrong("%s: broken attribute list", tag)
		}
	}
	return a
}
