package hls

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

func TestAPlainPlaylistListsWholeSegmentsAndPromisesNothingMore(t *testing.T) {
	w := newWatch(t)
	w.p.Announce(Broadcast{Plain: true})
	w.begin()
	check := hlscheck.New()
	check.Plain = true
	var last string
	versions := 0
	srv := serve(t, w.p)
	for _, f := range (feed{length: 30 * time.Second, audio: audioTrack()}).frames() {
		w.now = f.Arrived
		if err := w.s.frame(f); err != nil {
			t.Fatal(err)
		}
		s := w.p.current.Load()
		if len(s.segments) == 0 {
			if s.filled() != wait {
				t.Fatal("a playlist without a segment is shown")
			}
			continue
		}
		text := w.text()
		if text == last {
			continue
		}
		last = text
		versions++
		if faults := check.Playlist(text); len(faults) > 0 {
			t.Fatalf("%v\n%s", faults, text)
		}
		var foreign playlist.Media
		if err := foreign.Unmarshal([]byte(text)); err != nil || len(foreign.Segments) != len(s.segments) {
			t.Fatalf("%v\n%s", err, text)
		}
		// What is not offered is not done: such a request is answered at once.
		get(t, fmt.Sprintf("%s/%s?_HLS_msn=%d&_HLS_part=3", srv.URL, PlaylistFile, s.nextMSN+1))
	}
	if versions < 12 || versions > 20 {
		t.Errorf("%d versions in 30 seconds", versions)
	}
	if strings.Contains(last, "PART") {
		t.Errorf("it speaks of parts:\n%s", last)
	}
}

// times reads the session times of all segments in the window.
func times(t *testing.T, s *snapshot) (all []struct {
	StreamID string
	Time     float64
	UTC      time.Time
},
) {
	t.Helper()
	for _, g := range s.segments {
		for i, p := range g.parts {
			texts, faults := hlscheck.Texts(p.data)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			for _, text := range texts {
				if i > 0 || text.Description != "streamcat.session-time" {
					t.Fatalf("part %d of segment %d says %+v", i, g.msn, text)
				}
				all = append(all, struct {
					StreamID string
					Time     float64
					UTC      time.Time
				}{})
				if err := json.Unmarshal([]byte(text.Value), &all[len(all)-1]); err != nil {
					t.Fatal(err)
				}
				if at := all[len(all)-1].UTC; at.Sub(g.start.date()).Abs() > time.Millisecond {
					t.Errorf("segment %d of %v says %v", g.msn, g.start.date(), at)
				}
			}
		}
	}
	return all
}

func TestEachSegmentBeginsWithItsPlaceInTheStream(t *testing.T) {
	w := newWatch(t)
	session := func(id string, after, length time.Duration) {
		w.p.Announce(Broadcast{StreamID: id})
		w.session(feed{length: length, audio: audioTrack(), reorder: true, start: testStart.Add(after)}.frames())
	}
	session("st-one", 0, 7*time.Second)
	session("st-one", 20*time.Second, 5*time.Second) // the encoder came back
	seen := times(t, w.p.current.Load())
	if len(seen) != len(w.p.current.Load().segments) {
		t.Fatalf("%d times in %d segments", len(seen), len(w.p.current.Load().segments))
	}
	for i, at := range seen {
		since := at.UTC.Sub(testStart).Seconds()
		if at.StreamID != "st-one" || at.Time-since > 0.1 || since-at.Time > 0.1 || i > 0 && at.Time <= seen[i-1].Time {
			t.Errorf("segment %d is at %v of %s, after %v s", i, at.Time, at.StreamID, since)
		}
	}
	session("st-two", 40*time.Second, 20*time.Second)
	seen = times(t, w.p.current.Load())
	if first := seen[0]; len(seen) < 4 || first.StreamID != "st-two" && first.StreamID != "st-one" {
		t.Fatalf("%+v", seen)
	}
	for _, at := range seen {
		if since := at.UTC.Sub(testStart.Add(40 * time.Second)).Seconds(); at.StreamID == "st-two" && (at.Time-since > 0.1 || since-at.Time > 0.1) {
			t.Errorf("another stream's time is %v after %v s", at.Time, since)
		}
	}
}

// Session times cost each segment one text, whatever comes besides.
func TestSessionTimesStandBesideMetadata(t *testing.T) {
	w := newWatch(t)
	w.p.Announce(Broadcast{StreamID: "st-one"})
	w.begin()
	frames := feed{length: 8 * time.Second}.frames()
	w.feed(frames[:len(frames)/2])
	if err := w.p.PutMetadata("goal"); err != nil {
		t.Fatal(err)
	}
	w.feed(frames[len(frames)/2:])
	w.s.finish()
	count := map[string]int{}
	ids := map[uint32]bool{}
	s := w.p.current.Load()
	for _, g := range s.segments {
		for _, p := range g.parts {
			texts, faults := hlscheck.Texts(p.data)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			for _, text := range texts {
				count[text.Description]++
				ids[text.ID] = true
			}
		}
	}
	if count["metadata.live-video.net"] != 1 || count["streamcat.session-time"] != len(s.segments) || len(ids) != 1+len(s.segments) {
		t.Errorf("%v in %d segments, with %d numbers", count, len(s.segments), len(ids))
	}
	w.p.Announce(Broadcast{})
	if n := testing.AllocsPerRun(100, func() { w.p.Window.sessionTime(second) }); n > 8 {
		t.Errorf("a session time takes %v allocations", n)
	}
}

// A blocked answer may be kept by a cache while its question is asked, and whatever may change at any moment hardly.
func TestCachesAreToldWhatTheyMayKeep(t *testing.T) {
	l := newLive(t, Options{}, talk, 9*time.Second)
	msn, parts := l.edge()
	list := l.current.Load()
	for name, c := range map[string]struct{ file, query, want string }{
		"the newest playlist":    {PlaylistFile, "", "max-age=1"},
		"one that was asked for": {PlaylistFile, fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, parts-1), "max-age=4"},
		"a nonsense question":    {PlaylistFile, "_HLS_part=1", "no-store"},
		"too far ahead":          {PlaylistFile, fmt.Sprintf("_HLS_msn=%d", msn+3), "no-store"},
		"a part":                 {list.parts[0].name, "", "max-age=3600, immutable"},
		"a segment":              {list.segments[0].name, "", "max-age=3600, immutable"},
		"an initialization":      {list.open.init.name, "", "max-age=3600, immutable"},
		"a part not yet hinted":  {strings.Replace(list.hint, "p", "p9", 1), "", "no-store"},
	} {
		h := l.get(c.file, c.query).Header()
		if h.Get("Cache-Control") != c.want || h.Get("Access-Control-Expose-Headers") != ExposedHeaders {
			t.Errorf("%s: %v, want %s", name, h, c.want)
		}
		if strings.Contains(c.file, ".m3u8") && c.want != "no-store" && h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s varies by %q", name, h.Get("Vary"))
		}
	}
	l.s.finish()
	l.End()
	if got := l.get(PlaylistFile, fmt.Sprintf("_HLS_msn=%d&_HLS_part=0", msn+1)).Header().Get("Cache-Control"); got != "max-age=1" {
		t.Errorf("after the end: %s, though the stream may go on", got)
	}
}
