package hls

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	forgotten = 10 * time.Minute // after that no player of before is there any more
	maxPast   = 128              // segments
)

// pastSegment is a segment that a packager before this one has shown, and whose media is gone with it. It is
// listed with EXT-X-GAP and its parts with GAP=YES (rfc8216bis §4.4.4.7 and §4.4.4.9): a player that was there
// then finds the playlist it knows to go on, and so knows where the new media lies on its own timeline. Without
// that, hls.js (1.7.4) places it by the sequence numbers alone, behind a hole that it may never cross; and
// without the parts it loads whole segments for some seconds, and stops at the end of one.
type pastSegment struct {
	MSN           uint64     `json:"msn"`
	CC            uint64     `json:"cc"`
	Start         ticks      `json:"start"`
	Dur           ticks      `json:"dur"`
	Discontinuity bool       `json:"discontinuity,omitempty"`
	Lanes         []pastLane `json:"lanes"`
}

type pastLane struct {
	Name  string     `json:"name"`
	Init  string     `json:"init"`
	Parts []pastPart `json:"parts"`
}

type pastPart struct {
	Name        string `json:"name"`
	Dur         ticks  `json:"dur"`
	Independent bool   `json:"independent,omitempty"`
}

// keep tells what a later packager needs to go on with the playlists. The caller holds mu.
func (w *Window) keep() {
	if w.keeper == nil || !w.running || w.open == nil && len(w.segments) == 0 {
		return
	}
	w.told = append(w.told[:0], '[')
	for _, g := range w.segments[max(0, len(w.segments)-maxPast+1):] {
		if g.past == nil { // it does not change any more
			g.past = appendPast(nil, g)
		}
		w.told = append(append(w.told, g.past...), ',')
	}
	if w.open != nil {
		w.told = append(appendPast(w.told, w.open), ',')
	}
	w.told[len(w.told)-1] = ']'
	w.keeper(w.told)
}

// appendPast appends a segment as JSON.
func appendPast(b []byte, g *segment) []byte {
	text, err := json.Marshal(pastOf(g))
	if err != nil {
		panic(err) // numbers and names
	}
	return append(b, text...)
}

func pastOf(g *segment) pastSegment {
	p := pastSegment{MSN: g.msn, CC: g.cc, Start: g.start, Dur: g.dur, Discontinuity: g.discontinuity}
	for i := 0; g.lane(i) != nil; i++ {
		in := g.lane(i)
		l := pastLane{Name: in.name, Init: in.init.name, Parts: make([]pastPart, 0, len(in.parts))}
		for _, part := range in.parts {
			l.Parts = append(l.Parts, pastPart{part.name, part.dur, part.independent})
		}
		p.Lanes = append(p.Lanes, l)
	}
	return p
}

// parsePast reads what keep has told. It trusts nothing: the text comes from a disk, and much of it goes into
// playlists.
func parsePast(text []byte) (past []pastSegment, err error) {
	if err := json.Unmarshal(text, &past); err != nil {
		return nil, fmt.Errorf("hls: the past: %w", err)
	}
	if len(past) > maxPast {
		return nil, fmt.Errorf("hls: a past of %d segments", len(past))
	}
	for i, g := range past {
		if !g.sound() {
			return nil, fmt.Errorf("hls: the past has a segment %d that cannot be", g.MSN)
		}
		if i == 0 {
			continue
		}
		if last := past[i-1]; g.MSN != last.MSN+1 || g.Start < last.Start+last.Dur || g.CC < last.CC || g.CC > last.CC+1 {
			return nil, fmt.Errorf("hls: the past's segment %d does not follow the one before", g.MSN)
		}
	}
	return past, nil
}

// sound tells whether a segment may have been shown by a packager.
func (p *pastSegment) sound() bool {
	if p.MSN >= 1<<31 || p.CC >= 1<<31 || p.Start < 0 || p.Start >= 1<<53 || p.Dur < 0 || p.Dur >= 1<<31 {
		return false
	}
	for _, l := range p.Lanes {
		if !named(l.Name, 's') || !named(l.Init, 'i') {
			return false
		}
		for _, part := range l.Parts {
			if !named(part.Name, 'p') || part.Dur < 0 || part.Dur > p.Dur {
				return false
			}
		}
	}
	return len(p.Lanes) > 0 && len(p.Lanes) <= maxLayers
}

// named tells whether nameOf may have made a name.
func named(name string, kind byte) bool {
	got, _, ok := numberOf(name)
	return ok && got == kind && len(name) < 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// resume makes the window one that goes on with a past. A past that is no longer anybody's gives its numbers
// only, above which the new ones stay.
func (w *Window) resume(past []pastSegment, now ticks) {
	if len(past) == 0 {
		return
	}
	last := past[len(past)-1]
	end := last.Start + last.Dur
	if away := (now - end).duration(); away > forgotten || away < -forgotten {
		w.nextMSN = max(w.nextMSN, last.MSN+1)
		return
	}
	w.past, w.nextMSN, w.cc, w.end = past, last.MSN+1, last.CC, end
}

// recall puts the past into the playlists, just before the first segment after it opens. The caller holds mu.
func (w *Window) recall() {
	inits := map[string]*initSection{}
	for _, p := range w.past {
		g := &segment{msn: p.MSN, cc: p.CC, start: p.Start, dur: p.Dur, discontinuity: p.Discontinuity, gap: true}
		for i := range w.lanes {
			if i > 0 {
				g.others = append(g.others, new(strand))
			}
			from := p.Lanes[min(i, len(p.Lanes)-1)] // there was none then that a player could know
			if inits[from.Init] == nil {
				inits[from.Init] = &initSection{name: from.Init}
			}
			in := g.lane(i)
			*in = strand{
				name: from.Name, init: inits[from.Init], head: appendSegmentHead(nil, g),
				tail: appendSegmentTail([]byte("#EXT-X-GAP\n"), from.Name, g.dur),
			}
			for _, q := range from.Parts {
				lost := &part{name: q.Name, dur: q.Dur, independent: q.Independent, gap: true}
				in.parts = append(in.parts, lost)
				in.middle = appendPart(in.middle, lost)
			}
		}
		w.segments = append(w.segments, g)
		w.broken = true
	}
	w.past = nil
}
