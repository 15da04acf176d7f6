package hls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// A text is in the first part that is closed after it was put, at that part's place on the timeline, and
// in the segment that the part becomes a piece of.
func TestMetadataIsInTheNextPartAndItsSegment(t *testing.T) {
	for name, f := range map[string]feed{"in order": {}, "with B-frames": {reorder: true}, "with sound": {audio: audioTrack()}} {
		t.Run(name, func(t *testing.T) {
			f.length = 12 * time.Second
			frames := f.frames()
			w := newWatch(t)
			w.begin()
			w.feed(frames[:len(frames)/2])
			next := w.p.current.Load().hint
			texts := []string{"one", strings.Repeat("ü", 512), `{"a":"b"}`}
			for _, text := range texts {
				if err := w.p.PutMetadata(text); err != nil {
					t.Fatal(err)
				}
			}
			w.feed(frames[len(frames)/2:])
			w.s.finish()
			w.look()

			s := w.p.current.Load()
			part, _, _ := s.file(next)
			got, faults := hlscheck.Texts(part.data)
			if faults != nil {
				t.Fatal(faults)
			}
			for i, text := range got {
				if text.Description != "metadata.live-video.net" || i < len(texts) && text.Value != texts[i] {
					t.Errorf("text %d is %+v", i, text)
				}
				if off := text.Time - float64(part.start)/float64(second); off < -0.001 || off > 0.2 {
					t.Errorf("text %d stands %.3f s after its part begins", i, off)
				}
				if i > 0 && text.ID != got[i-1].ID+1 {
					t.Errorf("text %d has the number %d after %d", i, text.ID, got[i-1].ID)
				}
			}
			if len(got) != len(texts) {
				t.Errorf("%d texts in the next part", len(got))
			}
			var all []hlscheck.Text
			for _, g := range s.segments {
				var joined []byte
				for _, p := range g.parts {
					joined = append(joined, p.data...)
				}
				texts, faults := hlscheck.Texts(joined)
				if faults != nil {
					t.Error(faults)
				}
				all = append(all, texts...)
			}
			if diff := cmp.Diff(got, all); diff != "" {
				t.Errorf("the segments say\n%s", diff)
			}
		})
	}
}

func TestMetadataIsBoundedAndOnlyForARunningStream(t *testing.T) {
	w := newWatch(t)
	if err := w.p.PutMetadata("x"); fault.Of(err) != fault.NotLive {
		t.Errorf("before the stream: %v", err)
	}
	frames := feed{length: 4 * time.Second}.frames()
	w.begin()
	w.feed(frames[:45])
	for i := range maxMessages {
		if err := w.p.PutMetadata(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.p.PutMetadata("one too many"); fault.Of(err) != fault.Throttled {
		t.Errorf("when full: %v", err)
	}
	if err := w.p.PutMetadata(strings.Repeat("x", maxMessage+1)); fault.Of(err) != fault.Invalid {
		t.Errorf("beyond all measure: %v", err)
	}
	w.feed(frames[45:])
	if err := w.p.PutMetadata("room again"); err != nil {
		t.Error(err)
	}
	w.s.finish()
	if err := w.p.PutMetadata("x"); fault.Of(err) != fault.NotLive {
		t.Errorf("after the stream: %v", err)
	}
}

// Players take an event whose number they know for one that they had.
func TestNumbersOfMetadataDoNotComeTwice(t *testing.T) {
	w := newWatch(t)
	w.begin()
	var last uint32
	for _, f := range (feed{length: 20 * time.Second}).frames() {
		for w.p.PutMetadata("x") == nil { // as much as there is room for
		}
		w.p.mu.Lock()
		last = w.p.messages[len(w.p.messages)-1].id
		w.p.mu.Unlock()
		w.feed([]*media.Frame{f})
	}
	again := newWindow(Options{Now: func() time.Time { return w.now }}) // after a crash
	if again.nextMessage <= last {
		t.Errorf("a new window begins at %d, and the old one came to %d", again.nextMessage, last)
	}
}

// Whoever sees that a stream has begun may be quicker than its packager.
func TestMetadataMayComeBeforeThePackagerHasBegun(t *testing.T) {
	f := feed{length: 4 * time.Second}
	w := newWatch(t)
	w.p.Expect()
	if err := w.p.PutMetadata("early"); err != nil {
		t.Fatal(err)
	}
	w.begin()
	w.feed(f.frames())
	w.s.finish()
	count := 0
	for _, g := range w.p.current.Load().segments {
		for _, p := range g.parts {
			got, _ := hlscheck.Texts(p.data)
			count += len(got)
		}
	}
	if count != 1 {
		t.Errorf("%d texts", count)
	}
}
