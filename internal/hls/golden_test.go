package hls

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/abema/go-mp4"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// random is the part of a name that differs from run to run.
var random = regexp.MustCompile(`([pis][0-9]+)-[a-z2-7]{8}-[A-Za-z0-9_-]{12}\.`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestGoldenPlaylists(t *testing.T) {
	at := func(w *watch) string { return random.ReplaceAllString(w.text(), "$1-SESSION-RANDOM.") }
	sound := audioTrack()
	cases := map[string]func(w *watch){
		"first part": func(w *watch) {
			w.begin()
			w.feed(feed{length: 350 * time.Millisecond, audio: sound}.frames())
		},
		"live": func(w *watch) {
			w.begin()
			w.feed(feed{length: 19900 * time.Millisecond, audio: sound}.frames())
		},
		"29.97 fps, 8 s between key frames": func(w *watch) {
			w.begin()
			w.feed(feed{length: 20 * time.Second, audio: sound, frame: fps(30000. / 1001), gop: 8 * time.Second}.frames())
		},
		"session over": func(w *watch) { w.session(feed{length: 7 * time.Second, audio: sound}.frames()) },
		"encoder back": func(w *watch) {
			w.session(feed{length: 7 * time.Second, audio: sound}.frames())
			w.begin()
			w.feed(feed{length: 2500 * time.Millisecond, audio: sound, start: testStart.Add(12 * time.Second)}.frames())
		},
		"discontinuity gone": func(w *watch) {
			w.session(feed{length: 3 * time.Second, audio: sound}.frames())
			w.session(feed{length: 18 * time.Second, audio: sound, start: testStart.Add(12 * time.Second)}.frames())
		},
		"ended": func(w *watch) {
			w.session(feed{length: 3 * time.Second, audio: sound}.frames())
			w.p.End()
		},
		"ad break": func(w *watch) {
			w.begin()
			frames := feed{length: 12 * time.Second, audio: sound}.frames()
			w.feed(frames[:len(frames)/2])
			for i, length := range []time.Duration{2 * time.Second, time.Minute} { // over, and running
				w.p.AddRange(DateRange{
					ID: fmt.Sprint("break", i), Class: "streamcat-ad-break", Start: w.now, Planned: length,
					Client: [][2]string{{"X-TEST", "of the format"}},
				})
			}
			w.look()
			w.feed(frames[len(frames)/2:])
		},
	}
	for name, do := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t)
			do(w)
			golden(t, strings.ReplaceAll(name, " ", "-")+".m3u8", at(w))
		})
	}
	t.Run("multivariant", func(t *testing.T) {
		w := newWatch(t)
		w.session(feed{length: 7 * time.Second, audio: sound}.frames())
		golden(t, "multivariant.m3u8", string(appendMultivariant(nil, w.p.current.Load(), "/hls/AbCdEf123456/av.m3u8", 0)))
	})
}

func TestGoldenBoxes(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 3 * time.Second, audio: audioTrack(), reorder: true}.frames())
	s := w.p.current.Load()
	golden(t, "init.txt", boxes(t, s.segments[0].init.data))
	golden(t, "part.txt", boxes(t, s.segments[0].parts[0].data))

	told := newWatch(t)
	told.begin()
	if err := told.p.PutMetadata("goal"); err != nil {
		t.Fatal(err)
	}
	told.feed(feed{length: 3 * time.Second, reorder: true}.frames())
	golden(t, "part-with-metadata.txt", boxes(t, told.p.current.Load().segments[0].parts[0].data))

	quiet := newWatch(t)
	quiet.session(feed{length: 3 * time.Second, frame: fps(1)}.frames())
	golden(t, "empty-part.txt", boxes(t, quiet.p.current.Load().segments[1].parts[0].data))
}

// boxes lists all boxes as an independent parser reads them.
func boxes(t *testing.T, data []byte) string {
	t.Helper()
	var out strings.Builder
	_, err := mp4.ReadBoxStructure(bytes.NewReader(data), func(h *mp4.ReadHandle) (any, error) {
		indent := strings.Repeat("  ", len(h.Path)-1)
		if h.BoxInfo.Type.String() == "mdat" || !h.BoxInfo.IsSupportedType() {
			fmt.Fprintf(&out, "%s%s size=%d\n", indent, h.BoxInfo.Type, h.BoxInfo.Size)
			return nil, nil
		}
		box, _, err := h.ReadPayload()
		if err != nil {
			return nil, err
		}
		text, err := mp4.Stringify(box, h.BoxInfo.Context)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s%s size=%d %s\n", indent, h.BoxInfo.Type, h.BoxInfo.Size, text)
		_, err = h.Expand()
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
