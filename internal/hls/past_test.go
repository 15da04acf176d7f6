package hls

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// killed feeds a stream whose process is killed in the middle of a segment.
func killed(t *testing.T) *watch {
	w := newWatch(t)
	w.begin()
	w.feed(feed{length: 31700 * time.Millisecond, audio: audioTrack()}.frames())
	w.now = testStart.Add(34 * time.Second)
	w.restart()
	return w
}

// TestPlaylistsGoOnAfterTheProcessWasKilled leaves most to the checker, which sees both processes' playlists.
func TestPlaylistsGoOnAfterTheProcessWasKilled(t *testing.T) {
	w := killed(t)
	old := w.playlist.Last()
	lost := old.Segments[len(old.Segments)-1]
	w.session(feed{length: 20 * time.Second, audio: audioTrack(), start: w.now}.frames()[:60])
	p := w.playlist.Last()
	at := int(lost.MSN - p.MediaSequence)
	switch {
	case at < 1 || at+1 >= len(p.Segments):
		t.Fatalf("segment %d, which was open when the process was killed, is not between others in\n%s", lost.MSN, w.text())
	case !p.Segments[at-1].Gap || !p.Segments[at].Gap || p.Segments[at+1].Gap:
		t.Errorf("the wrong segments are gaps:\n%s", w.text())
	case len(p.Segments[at].Parts) != len(lost.Parts) || !p.Segments[at].Parts[0].Gap:
		t.Errorf("of %d parts of the segment that was open there are %+v", len(lost.Parts), p.Segments[at].Parts)
	case !p.Segments[at+1].Discontinuity || p.Segments[at+1].CC != lost.CC+1:
		t.Errorf("it goes on with %+v", p.Segments[at+1])
	}
	for _, name := range []string{lost.URI, lost.Parts[0].URI, lost.Map, p.Segments[at].URI} {
		rw := httptest.NewRecorder()
		if w.p.ServeMedia(rw, httptest.NewRequest("GET", "/"+name, nil), name); rw.Code != 404 && name != "" {
			t.Errorf("%s, which is lost: %d", name, rw.Code)
		}
	}
	w.begin()
	w.feed(feed{length: 40 * time.Second, audio: audioTrack(), start: w.now}.frames())
	if strings.Contains(w.text(), "GAP") {
		t.Errorf("gaps stay:\n%s", w.text())
	}
}

func TestNothingIsShownBeforeNewMediaComes(t *testing.T) {
	w := killed(t)
	w.begin()
	if w.feed(feed{length: 10 * time.Second, start: w.now, audio: audioTrack()}.frames()[:5]); w.p.current.Load().variant != nil {
		t.Errorf("there is a playlist of gaps alone:\n%s", w.text())
	}
}

func TestAllRenditionsGoOn(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	w.begin()
	w.feed(ladder(10*time.Second, 3, nil, true))
	w.now = w.now.Add(2 * time.Second)
	w.restart()
	w.begin()
	frames := ladder(10*time.Second, 3, nil, true)
	for _, f := range frames {
		f.Arrived = f.Arrived.Add(12 * time.Second)
	}
	w.feed(frames)
	for i, l := range w.lanes {
		gaps := 0
		for _, s := range l.playlist.Last().Segments {
			if s.Gap {
				gaps++
			}
		}
		if gaps == 0 {
			t.Errorf("lane %d begins anew", i)
		}
	}
}

func TestWhatEndedIsNotGoneOnWith(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 10 * time.Second, audio: audioTrack()}.frames())
	if w.past == nil {
		t.Error("nothing is kept while a playlist may go on")
	}
	if w.p.End(); w.past != nil {
		t.Errorf("kept after the end: %s", w.past)
	}
}

func TestAPastOfLongAgoGivesItsNumbersOnly(t *testing.T) {
	w := killed(t)
	end, _ := w.playlist.Last().End()
	for name, now := range map[string]time.Time{
		"long ago": w.now.Add(forgotten + time.Minute), "of the future": w.now.Add(-forgotten - time.Minute),
	} {
		p := New(Options{Now: func() time.Time { return now }, Past: w.past})
		if len(p.past) > 0 || p.nextMSN <= end {
			t.Errorf("%s: %d segments, and goes on at %d after %d", name, len(p.past), p.nextMSN, end)
		}
	}
}

// FuzzPast holds that whatever lies on the disk makes a playlist that holds no more than names and numbers.
func FuzzPast(f *testing.F) {
	var kept []byte
	p := New(Options{Keep: func(past []byte) { kept = bytes.Clone(past) }})
	p.begin("abc", 1)
	video, err := newVideoFormat(videoTrack(30))
	if err != nil {
		f.Fatal(err)
	}
	p.format(0, &initSection{name: "i0-abc-x.mp4", video: video}, false)
	p.add([]piece{{data: []byte{1}, independent: true}}, 90000, 30000, time.Now())
	p.show()
	f.Add(kept)
	for _, bad := range []string{"", "null", "[]", `[{"msn":-1}]`, `[{"lanes":[{"name":"s1-a\n#EXT-X-ENDLIST"}]}]`, `[{"dur":9e99}]`} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		past, err := parsePast(text)
		if err != nil {
			return
		}
		now := epoch
		if n := len(past); n > 0 {
			now = past[n-1].Start.date()
		}
		p := New(Options{Now: func() time.Time { return now }, Past: text})
		p.begin("abc", 1)
		p.format(0, &initSection{name: "i0-abc-x.mp4", video: video}, false)
		p.add([]piece{{data: []byte{1}, independent: true}}, p.endOfMedia(), 30000, now)
		p.show()
		for line := range strings.Lines(string(p.current.Load().playlist.plain)) {
			if len(line) > 160 || strings.HasPrefix(line, "#EXT-X-ENDLIST") {
				t.Errorf("the playlist has the line %q", line)
			}
		}
	})
}
