package hlscheck

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Checker watches the media playlist of one rendition over time. It is not safe for concurrent use.
type Checker struct {
	Plain bool // the playlist is to promise nothing of low latency

	last   *Playlist
	seen   map[string]place  // of parts by URI
	parts  map[uint64][]Part // what is known of a segment's parts, longest list so far
	faults []string
}

type place struct {
	msn  uint64
	part int
}

// New makes a checker that has seen nothing.
func New() *Checker {
	return &Checker{seen: map[string]place{}, parts: map[uint64][]Part{}}
}

// Last gives the newest playlist it was shown, nil before the first.
func (c *Checker) Last() *Playlist { return c.last }

// Rounding of durations in playlists, and of dates to milliseconds.
const (
	fuzz     = 0.0001
	fuzzySum = 0.01 // of many durations
	dateFuzz = 2 * time.Millisecond
)

const maxDiscontinuity = 100_000

// Playlist takes the next version, not older than those before, and gives each rule it breaks.
func (c *Checker) Playlist(text string) []string {
	p, faults := Parse(text)
	c.faults = faults
	c.alone(p)
	if c.last != nil {
		c.after(c.last, p)
	}
	c.remember(p)
	c.last = p
	return c.faults
}

func (c *Checker) wrong(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// alone holds the rules for one playlist.
func (c *Checker) alone(p *Playlist) {
	c.control(p)
	if p.Discontinuity > maxDiscontinuity {
		c.wrong("EXT-X-DISCONTINUITY-SEQUENCE %d is large: hls.js counts up to it with every playlist", p.Discontinuity)
	}
	if len(p.Segments) == 0 {
		c.wrong("there is neither segment nor part")
		return
	}
	var end float64
	for i := range p.Segments {
		s := &p.Segments[i]
		end += s.length()
		c.segment(p, s, i == len(p.Segments)-1)
		if i == 0 {
			continue
		}
		prev := &p.Segments[i-1]
		if s.Map != prev.Map && !s.Discontinuity {
			c.wrong("segment %d changes EXT-X-MAP without a discontinuity", s.MSN)
		}
		if gap := s.Date.Sub(prev.Date) - seconds(prev.Duration); !s.Discontinuity && gap.Abs() > dateFuzz {
			c.wrong("segment %d is dated %v off the end of the one before", s.MSN, gap)
		}
		if s.Date.Before(prev.Date) {
			c.wrong("segment %d is dated before its predecessor", s.MSN)
		}
	}
	// Parts belong to the end of the playlist: three target durations, and what stands in the same segment.
	at := 0.0
	for i := range p.Segments {
		s := &p.Segments[i]
		at += s.length()
		age := end - at - float64(3*p.TargetDuration)
		if age > fuzzySum && len(s.Parts) > 0 {
			c.wrong("segment %d, %.1f s before the end, still lists its parts", s.MSN, end-at)
		}
		if age < -fuzzySum && len(s.Parts) == 0 && p.PartTarget > 0 {
			c.wrong("segment %d, %.1f s before the end, does not list its parts", s.MSN, end-at)
		}
	}
	c.ranges(p)
	if p.Ended && p.Hint != "" {
		c.wrong("an ended playlist hints at a next part")
	}
}

func (c *Checker) control(p *Playlist) {
	if c.Plain {
		if p.PartTarget != 0 || p.Control["CAN-BLOCK-RELOAD"] != "" || p.Hint != "" {
			c.wrong("a plain playlist speaks of parts, hints or blocking reload")
		}
		for i := range p.Segments {
			if len(p.Segments[i].Parts) > 0 || !p.Segments[i].Complete() {
				c.wrong("segment %d of a plain playlist is not whole", p.Segments[i].MSN)
			}
		}
		return
	}
	if p.PartTarget <= 0 {
		c.wrong("EXT-X-PART-INF is missing")
	}
	if p.Control["CAN-BLOCK-RELOAD"] != "YES" {
		c.wrong("EXT-X-SERVER-CONTROL does not promise CAN-BLOCK-RELOAD=YES")
	}
	if v := decimal(p.Control["PART-HOLD-BACK"]); v < 3*p.PartTarget-fuzz {
		c.wrong("PART-HOLD-BACK %v is less than three part targets", v)
	}
	if v, ok := p.Control["HOLD-BACK"]; ok && decimal(v) < float64(3*p.TargetDuration) {
		c.wrong("HOLD-BACK %v is less than three target durations", v)
	}
	if v, ok := p.Control["CAN-SKIP-UNTIL"]; ok && decimal(v) < float64(6*p.TargetDuration) {
		c.wrong("CAN-SKIP-UNTIL %v is less than six target durations", v)
	}
}

func (c *Checker) segment(p *Playlist, s *Segment, last bool) {
	if s.Complete() && math.Round(s.Duration) > float64(p.TargetDuration) {
		c.wrong("segment %d lasts %v s, longer than the target duration", s.MSN, s.Duration)
	}
	if !s.Complete() && !last {
		c.wrong("segment %d has no URI, though others follow", s.MSN)
	}
	var sum float64
	for i, part := range s.Parts {
		sum += part.Duration
		if part.Duration > p.PartTarget+fuzz {
			c.wrong("part %d of segment %d lasts %v s, longer than PART-TARGET", i, s.MSN, part.Duration)
		}
		if i < len(s.Parts)-1 && part.Duration < 0.85*p.PartTarget-fuzz {
			c.wrong("part %d of segment %d lasts %v s, less than 85 %% of PART-TARGET, and is not the last", i, s.MSN, part.Duration)
		}
		if part.Duration <= 0 {
			c.wrong("part %d of segment %d has no duration", i, s.MSN)
		}
	}
	if s.Complete() && len(s.Parts) > 0 && math.Abs(sum-s.Duration) > fuzz*float64(1+len(s.Parts)) {
		c.wrong("segment %d lasts %v s, but its parts %v s", s.MSN, s.Duration, sum)
	}
	if !s.Complete() && sum > float64(p.TargetDuration)+0.5 {
		c.wrong("open segment %d has %v s of parts, more than the target duration", s.MSN, sum)
	}
}

// after holds the rules for two playlists, the second newer.
func (c *Checker) after(old, p *Playlist) {
	if p.TargetDuration != old.TargetDuration || p.PartTarget != old.PartTarget {
		c.wrong("target durations changed from %d and %v to %d and %v", old.TargetDuration, old.PartTarget, p.TargetDuration, p.PartTarget)
	}
	if p.MediaSequence < old.MediaSequence {
		c.wrong("EXT-X-MEDIA-SEQUENCE went back from %d to %d", old.MediaSequence, p.MediaSequence)
	}
	if p.Discontinuity < old.Discontinuity {
		c.wrong("EXT-X-DISCONTINUITY-SEQUENCE went back from %d to %d", old.Discontinuity, p.Discontinuity)
	}
	oldMSN, oldPart := old.End()
	msn, part := p.End()
	if msn < oldMSN || msn == oldMSN && part < oldPart {
		c.wrong("the end went back from %d.%d to %d.%d", oldMSN, oldPart, msn, part)
	}
	if old.Ended && (msn != oldMSN || part != oldPart) {
		c.wrong("the playlist grew after EXT-X-ENDLIST")
	}
	if len(old.Segments) == 0 || len(p.Segments) == 0 {
		return
	}
	newestOld := &old.Segments[len(old.Segments)-1]
	if p.MediaSequence > newestOld.MSN {
		// Nothing in common: a server that was started again.
		if p.Segments[0].CC <= newestOld.CC {
			c.wrong("no segment in common with the playlist before, but no new discontinuity sequence number either")
		}
		return
	}
	c.common(old, p)
	c.removed(old, p)
	c.sameRanges(old, p)
	if at := newestOld.MSN - p.MediaSequence; at < uint64(len(p.Segments)) && p.Segments[at].Gap {
		return // the server was lost with it, and what was hinted at never came
	}
	if next := c.partAt(p, oldMSN, oldPart); old.Hint != "" && next != "" && next != old.Hint {
		c.wrong("part %d.%d was hinted at as %s, and became %s", oldMSN, oldPart, old.Hint, next)
	} else if old.Hint != "" && next == "" && p.Hint != "" && p.Hint != old.Hint {
		c.wrong("the hint changed from %s to %s without a new part", old.Hint, p.Hint)
	}
}

// common compares the segments that stand in both.
func (c *Checker) common(old, p *Playlist) {
	for i := range old.Segments {
		a := &old.Segments[i]
		if a.MSN < p.MediaSequence {
			continue
		}
		at := int(a.MSN - p.MediaSequence)
		if at >= len(p.Segments) {
			break
		}
		b := &p.Segments[at]
		if a.Complete() && (a.URI != b.URI || a.Duration != b.Duration) {
			c.wrong("segment %d changed from %s (%v s) to %s (%v s)", a.MSN, a.URI, a.Duration, b.URI, b.Duration)
		}
		if a.CC != b.CC || a.Discontinuity != b.Discontinuity {
			c.wrong("segment %d changed its discontinuity from %d (%v) to %d (%v)", a.MSN, a.CC, a.Discontinuity, b.CC, b.Discontinuity)
		}
		if a.Map != b.Map || !a.Date.Equal(b.Date) {
			c.wrong("segment %d changed its map or date", a.MSN)
		}
		if a.Gap && !b.Gap {
			c.wrong("segment %d is a gap no more", a.MSN)
		}
		for j := range min(len(a.Parts), len(b.Parts)) {
			was := a.Parts[j]
			was.Gap = was.Gap || b.Gap // media may get lost, and does not come back
			if was != b.Parts[j] {
				c.wrong("part %d of segment %d changed from %v to %v", j, a.MSN, a.Parts[j], b.Parts[j])
			}
		}
		if len(b.Parts) < len(a.Parts) && len(b.Parts) > 0 {
			c.wrong("segment %d lost some of its parts", a.MSN)
		}
		if a.Complete() && len(b.Parts) > len(a.Parts) {
			c.wrong("segment %d got more parts after it was complete", a.MSN)
		}
	}
}

// removed looks at what left the playlist.
func (c *Checker) removed(old, p *Playlist) {
	if p.MediaSequence == old.MediaSequence {
		return
	}
	var left float64
	for i := range p.Segments {
		if p.Segments[i].Complete() {
			left += p.Segments[i].Duration
		}
	}
	if left < float64(3*p.TargetDuration)-0.01 && !p.Ended {
		c.wrong("segments were removed although only %.2f s are left", left)
	}
}

// partAt gives the URI of a part, where an index past a segment's end is the next one's first.
func (c *Checker) partAt(p *Playlist, msn uint64, part int) string {
	for i := range p.Segments {
		s := &p.Segments[i]
		if s.MSN == msn && part < len(s.Parts) {
			return s.Parts[part].URI
		}
		if s.MSN == msn+1 && len(s.Parts) > 0 {
			return s.Parts[0].URI
		}
	}
	return ""
}

// remember holds that names are used once, and that parts stay what they were when a segment stops
// listing and a later session could list them again.
func (c *Checker) remember(p *Playlist) {
	for i := range p.Segments {
		s := &p.Segments[i]
		known := c.parts[s.MSN]
		for j, part := range s.Parts {
			here := place{s.MSN, j}
			if at, ok := c.seen[part.URI]; ok && at != here {
				c.wrong("part %s stands in %d.%d and in %d.%d", part.URI, at.msn, at.part, s.MSN, j)
			}
			c.seen[part.URI] = here
			if j < len(known) {
				known[j].Gap = known[j].Gap || part.Gap
			}
			if j < len(known) && known[j] != part {
				c.wrong("part %d of segment %d is not what it was", j, s.MSN)
			}
		}
		if len(s.Parts) > len(known) {
			c.parts[s.MSN] = s.Parts
		}
	}
}

// length is a segment's duration, or what its parts have so far.
func (s *Segment) length() float64 {
	if s.Complete() {
		return s.Duration
	}
	var sum float64
	for _, p := range s.Parts {
		sum += p.Duration
	}
	return sum
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func decimal(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return v
}
