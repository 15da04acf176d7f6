package hls

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// rung is one rendition of a synthetic encoder. Its frames' sizes tell the renditions apart: lane n's
// pictures have 9000, 3000 and 1001 bytes.
type rung struct {
	feed
	delay    time.Duration // of arrival, behind the others
	shift    time.Duration // of the timestamps
	from, to time.Duration // when it sends; to 0: to the end
}

var rungSizes = [...][2]int{{1920, 1080}, {1280, 720}, {640, 360}}

var rungBytes = [...]int{9000, 3000, 1001}

func rungTrack(i int) *media.Track {
	t := *videoTrack(30)
	t.ID, t.Width, t.Height = media.FirstVideo+i, rungSizes[i][0], rungSizes[i][1]
	return &t
}

// ladder gives the frames of n renditions and their sound as they arrive, changed by what each rung says.
func ladder(length time.Duration, n int, change func(r []rung), sound bool) []*media.Frame {
	rungs := make([]rung, n)
	for i := range rungs {
		rungs[i] = rung{feed: feed{length: length, video: rungTrack(i), bytes: rungBytes[i]}}
	}
	if change != nil {
		change(rungs)
	}
	var all []*media.Frame
	for _, r := range rungs {
		start := r.start
		if start.IsZero() {
			start = testStart
		}
		flows := false
		for _, f := range r.frames() {
			at := f.Arrived.Sub(start)
			if at < r.from || r.to > 0 && at >= r.to {
				flows = false
				continue
			}
			if flows = flows || f.Key; !flows {
				continue // as a media.Reader has it
			}
			f.Arrived = f.Arrived.Add(r.delay)
			f.DTS, f.PTS = f.DTS+r.shift, f.PTS+r.shift
			all = append(all, f)
		}
	}
	if sound {
		audio := audioTrack()
		audio.ID = media.FirstAudio
		for _, f := range (feed{length: length, audio: audio, start: rungs[0].start, origin: rungs[0].origin}).frames() {
			if f.Track.Kind == media.Audio {
				all = append(all, f)
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Arrived.Before(all[j].Arrived) })
	return all
}

// story tells what a lane carried over time, such as "0 x 0": each run once; x is no video. What little
// stands at the end of a session, behind its last picture, does not count.
func (l *watched) story() string {
	var out []string
	for _, p := range l.parts {
		s := "x"
		for i, bytes := range rungBytes {
			if p.smallest == bytes || p.smallest == 5*bytes { // of a key frame alone
				s = fmt.Sprint(i)
			}
		}
		if (len(out) == 0 || out[len(out)-1] != s) && (s != "x" || p.Duration > 0.1) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// discontinuities is how many a lane has had.
func (l *watched) discontinuities() uint64 {
	return l.parts[len(l.parts)-1].segment.CC - l.parts[0].segment.CC
}

// independent is the share of segments that begin with a key frame.
func (l *watched) independent() float64 {
	begins, keys := 0, 0
	last := uint64(0)
	for _, p := range l.parts {
		if p.segment.MSN != last {
			last = p.segment.MSN
			begins++
			if p.Independent {
				keys++
			}
		}
	}
	return float64(keys) / float64(begins)
}
