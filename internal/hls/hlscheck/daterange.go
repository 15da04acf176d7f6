package hlscheck

import (
	"regexp"
	"strings"
	"time"
)

// Range is an EXT-X-DATERANGE.
type Range struct {
	ID         string
	Class      string
	Start      time.Time
	Planned    float64 // -1: not told
	Duration   float64 // -1: not told
	Attributes map[string]string
}

// end is where the range ends as far as it is known.
func (r *Range) end() time.Time {
	if r.Duration >= 0 {
		return r.Start.Add(seconds(r.Duration))
	}
	return r.Start.Add(seconds(max(r.Planned, 0)))
}

var clientValue = regexp.MustCompile(`^("[^"]*"|0[xX][0-9A-F]+|-?[0-9]+(\.[0-9]+)?)$`)

// dateRange reads the attributes of a date range (§4.4.5.1).
func (p *parser) dateRange(tag string, a map[string]string) {
	r := Range{ID: p.quoted(tag, a, "ID"), Planned: -1, Duration: -1, Attributes: a}
	for name, value := range a {
		switch name {
		case "ID":
		case "CLASS":
			r.Class = p.quoted(tag, a, name)
		case "START-DATE":
			t, err := time.Parse(time.RFC3339, p.quoted(tag, a, name))
			if err != nil {
				p.wrong("%s is no date: %s", name, value)
			}
			r.Start = t
		case "PLANNED-DURATION":
			r.Planned = p.seconds(name, value)
		case "DURATION":
			r.Duration = p.seconds(name, value)
		default:
			if !strings.HasPrefix(name, "X-") {
				p.wrong("a date range has no attribute %s here", name)
			} else if !clientValue.MatchString(value) {
				p.wrong("%s is neither a string nor a number: %s", name, value)
			}
		}
	}
	if r.Start.IsZero() {
		p.wrong("date range %s does not say when it starts", r.ID)
	}
	for _, other := range p.list.Ranges {
		if other.ID == r.ID {
			p.wrong("date range %s stands twice", r.ID)
		}
	}
	p.list.Ranges = append(p.list.Ranges, r)
}

// ranges holds that a playlist tells only of ranges that touch its segments, or are still to come.
func (c *Checker) ranges(p *Playlist) {
	for i := range p.Ranges {
		if r := &p.Ranges[i]; r.end().Before(p.Segments[0].Date.Add(-dateFuzz)) {
			c.wrong("date range %s ended before the first segment", r.ID)
		}
	}
}

// sameRanges holds that a range keeps what was told of it, may say more later, and stays as long as it
// touches a segment.
func (c *Checker) sameRanges(old, p *Playlist) {
	now := map[string]*Range{}
	for i := range p.Ranges {
		now[p.Ranges[i].ID] = &p.Ranges[i]
	}
	for i := range old.Ranges {
		was := &old.Ranges[i]
		is := now[was.ID]
		if is == nil {
			if was.end().After(p.Segments[0].Date.Add(dateFuzz)) {
				c.wrong("date range %s is gone, though it touches a segment", was.ID)
			}
			continue
		}
		for name, value := range was.Attributes {
			if is.Attributes[name] != value {
				c.wrong("date range %s changed its %s from %s to %q", was.ID, name, value, is.Attributes[name])
			}
		}
	}
}
