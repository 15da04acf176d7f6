package hls

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// watch packages frames in the test's own goroutine, and judges every playlist and part that appears.
type watch struct {
	t        *testing.T
	p        *Packager
	s        *session
	now      time.Time
	playlist *hlscheck.Checker // lane 0's
	lanes    []*watched
	seen     *snapshot
	holes    bool      // gaps in decoding times are expected
	first    time.Time // when the first part was there
	restarts uint64
	past     []byte // what the packager has told to keep
	videos   int    // how many renditions the publisher announces
}

// watched is what was seen of one lane.
type watched struct {
	playlist *hlscheck.Checker
	media    *hlscheck.Media
	key      string // by what media goes on: initialization section and discontinuity
	known    map[string]bool
	parts    []seenPart
}

// seenPart is a part with what stands around it.
type seenPart struct {
	hlscheck.Part
	segment  hlscheck.Segment
	smallest int // payload of its video samples, 0 if there is none
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	w := &watch{t: t, now: testStart, playlist: hlscheck.New()}
	w.lanes = []*watched{{playlist: w.playlist, known: map[string]bool{}}}
	w.restart()
	return w
}

// restart is what a new server process would do.
func (w *watch) restart() {
	w.restarts++
	w.p = New(Options{
		Now: func() time.Time { return w.now }, Discontinuity: 16 * w.restarts,
		Past: w.past, Keep: func(past []byte) { w.past = bytes.Clone(past) },
	})
	w.seen = w.p.current.Load()
}

// session feeds one session from its first frame to its end.
func (w *watch) session(frames []*media.Frame) {
	w.t.Helper()
	w.begin()
	w.feed(frames)
	w.end()
}

func (w *watch) begin() {
	w.s = newSession(w.p.Window, slog.New(slog.NewTextHandler(w.t.Output(), nil)), func() time.Time { return w.now })
	w.s.videos = w.videos
}

func (w *watch) end() {
	w.t.Helper()
	w.s.finish()
	w.look()
}

func (w *watch) feed(frames []*media.Frame) {
	w.t.Helper()
	for _, f := range frames {
		w.now = f.Arrived
		if err := w.s.frame(f); err != nil {
			w.t.Fatal(err)
		}
		w.look()
	}
}

func (w *watch) text() string { return string(w.p.current.Load().playlist.plain) }

func (w *watch) look() {
	w.t.Helper()
	s := w.p.current.Load()
	if s == w.seen || s.variant == nil {
		return
	}
	w.seen = s
	if w.first.IsZero() {
		w.first = w.now
	}
	lists := map[string]*hlscheck.Playlist{}
	for i := range s.lanes() {
		v := s.lane(i)
		if v.variant == nil {
			continue
		}
		for i >= len(w.lanes) {
			w.lanes = append(w.lanes, &watched{playlist: hlscheck.New(), known: map[string]bool{}})
		}
		l := w.lanes[i]
		for _, fault := range l.playlist.Playlist(string(v.playlist.plain)) {
			w.t.Errorf("lane %d at %v: %s", i, w.now.Sub(testStart), fault)
		}
		lists[playlistFile(i)] = l.playlist.Last()
		for _, seg := range l.playlist.Last().Segments {
			for _, part := range seg.Parts {
				if !l.known[part.URI] && !part.Gap {
					l.known[part.URI] = true
					w.part(l, seg, part)
				}
			}
		}
		if w.t.Failed() {
			w.t.Fatalf("at %v, after which lane %d's playlist is\n%s", w.now.Sub(testStart), i, v.playlist.plain)
		}
	}
	if len(lists) > 1 {
		for _, fault := range hlscheck.Aligned(lists) {
			w.t.Errorf("at %v: %s", w.now.Sub(testStart), fault)
		}
		if w.t.Failed() {
			w.t.FailNow()
		}
	}
}

func (w *watch) part(l *watched, seg hlscheck.Segment, part hlscheck.Part) {
	w.t.Helper()
	s := w.p.current.Load()
	if key := fmt.Sprint(seg.Map, seg.CC); key != l.key {
		_, _, init := s.file(seg.Map)
		if init == nil {
			w.t.Fatalf("%s is not served", seg.Map)
		}
		var faults []string
		l.media, faults = hlscheck.NewMedia(init.data)
		for _, fault := range faults {
			w.t.Error(fault)
		}
		l.key = key
	}
	p, _, _ := s.file(part.URI)
	if p == nil {
		w.t.Fatalf("%s is not served", part.URI)
	}
	l.parts = append(l.parts, seenPart{part, seg, smallest(w.t, p.data)})
	for _, fault := range l.media.Part(part, p.data) {
		if !w.holes {
			w.t.Errorf("at %v: %s", w.now.Sub(testStart), fault)
		}
	}
}

// smallest gives the size of a part's smallest video sample, 0 if it has none.
func smallest(t *testing.T, data []byte) (size int) {
	t.Helper()
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	for _, track := range parts[0].Tracks {
		for _, s := range track.Samples {
			if n := len(s.Payload); track.ID == videoID && (size == 0 || n < size) {
				size = n
			}
		}
	}
	return size
}
