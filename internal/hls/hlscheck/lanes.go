package hlscheck

import (
	"fmt"
	"maps"
	"slices"
)

// Report is an EXT-X-RENDITION-REPORT.
type Report struct {
	URI      string
	LastMSN  uint64
	LastPart int
}

// Aligned takes the playlists of all renditions as they were at one moment, by their file names, and gives
// each rule they break: what has the same media sequence number has the same date, durations, parts and
// discontinuity sequence number in all; all end with the same part, and each reports exactly that of each
// other one while the stream runs.
func Aligned(lists map[string]*Playlist) (faults []string) {
	names := slices.Sorted(maps.Keys(lists))
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for i, name := range names {
		p := lists[name]
		for _, other := range names[i+1:] {
			for _, fault := range together(p, lists[other]) {
				wrong("%s and %s: %s", name, other, fault)
			}
		}
		if p.Hint == "" { // ended, or nothing comes
			continue
		}
		reports := map[string]Report{}
		for _, r := range p.Reports {
			if _, twice := reports[r.URI]; twice || lists[r.URI] == nil || r.URI == name {
				wrong("%s reports on %s", name, r.URI)
			}
			reports[r.URI] = r
		}
		for _, other := range names {
			if other == name {
				continue
			}
			last := &lists[other].Segments[len(lists[other].Segments)-1]
			want := Report{other, last.MSN, len(last.Parts) - 1}
			if got, ok := reports[other]; !ok || got != want {
				wrong("%s reports %+v, want %+v", name, got, want)
			}
		}
	}
	return faults
}

// together compares two renditions.
func together(a, b *Playlist) (faults []string) {
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	aMSN, aPart := a.End()
	bMSN, bPart := b.End()
	if aMSN != bMSN || aPart != bPart {
		wrong("one ends at %d.%d, the other at %d.%d", aMSN, aPart, bMSN, bPart)
	}
	if a.TargetDuration != b.TargetDuration || a.PartTarget != b.PartTarget || a.Ended != b.Ended {
		wrong("target durations or ends differ")
	}
	if len(a.Segments) == 0 || len(b.Segments) == 0 {
		return append(faults, "one is empty")
	}
	for i := range a.Segments {
		s := &a.Segments[i]
		at := int(s.MSN) - int(b.MediaSequence)
		if at < 0 || at >= len(b.Segments) {
			continue
		}
		o := &b.Segments[at]
		if !s.Date.Equal(o.Date) || s.Duration != o.Duration || s.Complete() != o.Complete() {
			wrong("segment %d is of %v and %v s, and of %v and %v s", s.MSN, s.Date, s.Duration, o.Date, o.Duration)
		}
		if s.CC != o.CC || s.Discontinuity != o.Discontinuity {
			wrong("segment %d has discontinuity %d (%v) and %d (%v)", s.MSN, s.CC, s.Discontinuity, o.CC, o.Discontinuity)
		}
		if len(s.Parts) != len(o.Parts) {
			wrong("segment %d has %d and %d parts", s.MSN, len(s.Parts), len(o.Parts))
			continue
		}
		for j := range s.Parts {
			if s.Parts[j].Duration != o.Parts[j].Duration {
				wrong("part %d of segment %d lasts %v and %v s", j, s.MSN, s.Parts[j].Duration, o.Parts[j].Duration)
			}
			if s.Parts[j].URI == o.Parts[j].URI {
				wrong("part %d of segment %d has one name", j, s.MSN)
			}
		}
	}
	return faults
}
