package hls

import "time"

// DateRange is a stretch of time that playlists tell of (rfc8216bis §4.4.5.1). ID, Class and the values
// of Client must not hold quotes or line ends.
type DateRange struct {
	ID      string // unique among all that the window ever had
	Class   string
	Start   time.Time
	Planned time.Duration
	Client  [][2]string // more attributes; names begin with X-
}

// dateRange is a DateRange on the timeline; it is immutable.
type dateRange struct {
	DateRange
	start, dur ticks
	over       bool // dur is how long it really was, not what was planned
}

// AddRange makes playlists tell of a range, as long as it touches a segment they list. When it is over,
// or its session, they say how long it was. Outside of a Run it does nothing.
func (w *Window) AddRange(r DateRange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.takes {
		return
	}
	w.changeRanges(func(all []*dateRange) []*dateRange {
		return append(all, &dateRange{DateRange: r, start: ticksAt(r.Start), dur: ticksOf(r.Planned)})
	})
	w.publish()
}

// endRanges ends the ranges that run, with the media. The caller holds mu.
func (w *Window) endRanges() {
	if len(w.ranges) == 0 {
		return
	}
	w.changeRanges(func(all []*dateRange) []*dateRange {
		for i, r := range all {
			if !r.over {
				cut := *r
				cut.over, cut.dur = true, max(0, min(r.dur, w.end-r.start))
				all[i] = &cut
			}
		}
		return all
	})
}

// tidyRanges notes which ranges are over, and forgets those before the first listed segment. The caller
// holds mu.
func (w *Window) tidyRanges(first *segment) {
	if len(w.ranges) == 0 {
		return
	}
	w.changeRanges(func(all []*dateRange) []*dateRange {
		left := all[:0]
		for _, r := range all {
			if !r.over && r.start+r.dur <= w.end {
				done := *r
				done.over = true
				r = &done
			}
			if r.start+r.dur > first.start {
				left = append(left, r)
			}
		}
		return left
	})
}

// changeRanges replaces the ranges: snapshots share the slice. The caller holds mu.
func (w *Window) changeRanges(change func([]*dateRange) []*dateRange) {
	w.ranges = change(append(make([]*dateRange, 0, len(w.ranges)+1), w.ranges...))
}

func appendRange(b []byte, r *dateRange) []byte {
	b = append(b, `#EXT-X-DATERANGE:ID="`...)
	b = append(b, r.ID...)
	b = append(b, `",CLASS="`...)
	b = append(b, r.Class...)
	b = append(b, `",START-DATE="`...)
	b = r.Start.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `",PLANNED-DURATION=`...)
	b = appendSeconds(b, ticksOf(r.Planned))
	if r.over {
		b = append(b, ",DURATION="...)
		b = appendSeconds(b, r.dur)
	}
	for _, c := range r.Client {
		b = append(b, ',')
		b = append(b, c[0]...)
		b = append(b, `="`...)
		b = append(b, c[1]...)
		b = append(b, '"')
	}
	return append(b, '\n')
}
