package hls

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// packaged runs a whole stream through Run and gives a server of the result.
func packaged(t *testing.T, frames []*media.Frame) (*Packager, *httptest.Server) {
	t.Helper()
	p := New(Options{Now: func() time.Time { return testStart }})
	run(t, p, frames)
	srv := serve(t, p)
	return p, srv
}

func run(t *testing.T, p *Packager, frames []*media.Frame) {
	t.Helper()
	stream := media.NewStream()
	r := stream.NewReader(media.ReaderOptions{Frames: len(frames) + 1})
	defer r.Close()
	for _, f := range frames {
		if err := stream.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	stream.Close()
	if err := p.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func serve(t *testing.T, p *Packager) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if file := strings.TrimPrefix(r.URL.Path, "/"); file == "channel.m3u8" {
			p.ServeMultivariant(w, r, PlaylistFile, 0)
		} else {
			p.ServeMedia(w, r, file)
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", url, res.Status)
	}
	return body
}

type packet struct {
	Stream   int    `json:"stream_index"`
	Kind     string `json:"codec_type"`
	PTS      string `json:"pts_time"`
	DTS      string `json:"dts_time"`
	Duration string `json:"duration_time"`
}

func ffprobe(t *testing.T, input string) []packet {
	t.Helper()
	packets, complaint := probe(t, input)
	if complaint != "" {
		t.Fatalf("ffprobe %s: %s", input, complaint)
	}
	return packets
}

func probe(t *testing.T, input string) (packets []packet, complaint string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("ffprobe", "-v", "warning", "-show_packets", "-of", "json", input)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v\n%s", input, err, stderr.Bytes())
	}
	var doc struct{ Packets []packet }
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Packets, stderr.String()
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// continuous holds that each track's packets follow one another without gap or overlap, and gives how
// many there are of each kind.
func continuous(t *testing.T, packets []packet) map[string]int {
	t.Helper()
	ends, count := map[string]float64{}, map[string]int{}
	for _, p := range packets {
		dts, dur := number(t, p.DTS), number(t, p.Duration)
		if end, ok := ends[p.Kind]; ok && (dts < end-0.0015 || dts > end+0.0015) {
			t.Fatalf("%s packet %d is at %.4f, the one before ended at %.4f", p.Kind, count[p.Kind], dts, end)
		}
		ends[p.Kind] = dts + dur
		count[p.Kind]++
	}
	return count
}

var clips = map[string]func(t testing.TB) []*media.Frame{
	"30 fps":              func(t testing.TB) []*media.Frame { return encodeClip(t, "9", "30", "60", "-bf", "0") },
	"29.97 fps, B-frames": func(t testing.TB) []*media.Frame { return encodeClip(t, "9", "30000/1001", "60", "-bf", "2") },
	"8 s GOP": func(t testing.TB) []*media.Frame {
		return encodeClip(t, "11", "25", "200", "-bf", "3", "-b_strategy", "0")
	},
}

func TestFFmpegPlaysIt(t *testing.T) {
	for name, clip := range clips {
		t.Run(name, func(t *testing.T) {
			frames := clip(t)
			want := map[string]int{}
			for _, f := range frames {
				want[f.Track.Kind.String()]++
			}
			p, srv := packaged(t, frames)
			p.End()

			t.Run("from the playlist", func(t *testing.T) {
				got := continuous(t, ffprobe(t, srv.URL+"/channel.m3u8"))
				for kind, n := range want {
					if got[kind] < n-1 || got[kind] > n {
						t.Errorf("%d %s packets of %d", got[kind], kind, n)
					}
				}
			})
			t.Run("as one file, decoded without complaint", func(t *testing.T) {
				list, _ := hlscheck.Parse(string(get(t, srv.URL+"/"+PlaylistFile)))
				all := get(t, srv.URL+"/"+list.Segments[0].Map)
				for _, s := range list.Segments {
					all = append(all, get(t, srv.URL+"/"+s.URI)...)
				}
				file := filepath.Join(t.TempDir(), "all.mp4")
				if err := os.WriteFile(file, all, 0o600); err != nil {
					t.Fatal(err)
				}
				continuous(t, ffprobe(t, file))
				out, err := exec.Command("ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", file, "-f", "null", "-").CombinedOutput()
				if err != nil || len(out) > 0 {
					t.Errorf("ffmpeg: %v\n%s", err, out)
				}
			})
			t.Run("each segment by itself", func(t *testing.T) {
				list, _ := hlscheck.Parse(string(get(t, srv.URL+"/"+PlaylistFile)))
				file := filepath.Join(t.TempDir(), "segment.mp4")
				for _, s := range list.Segments {
					all := append(get(t, srv.URL+"/"+s.Map), get(t, srv.URL+"/"+s.URI)...)
					if err := os.WriteFile(file, all, 0o600); err != nil {
						t.Fatal(err)
					}
					packets, complaint := probe(t, file)
					if complaint != "" && s.Parts[0].Independent {
						t.Errorf("segment %d: %s", s.MSN, complaint)
					}
					continuous(t, packets)
					if date := epoch.Add(time.Duration(number(t, packets[0].DTS) * 1e9)); s.Date.Sub(date).Abs() > 60*time.Millisecond {
						t.Errorf("segment dated %v has media of %v", s.Date, date)
					}
				}
			})
		})
	}
}

// The frames of silence that we make up decode, and are silent.
func TestSilenceDecodes(t *testing.T) {
	for _, channels := range []string{"1", "2"} {
		t.Run(channels+" channels", func(t *testing.T) {
			frames := encodeClip(t, "6", "30", "60", "-ac", channels)
			var holed []*media.Frame
			for _, f := range frames {
				if f.Track.Kind == media.Audio && f.DTS > 2*time.Second && f.DTS < 5*time.Second {
					continue
				}
				holed = append(holed, f)
			}
			p, srv := packaged(t, holed)
			p.End()
			continuous(t, ffprobe(t, srv.URL+"/channel.m3u8"))
			out, err := exec.Command("ffmpeg", "-nostdin", "-v", "info", "-i", srv.URL+"/channel.m3u8",
				"-vn", "-af", "silencedetect=noise=-70dB:d=2.5", "-f", "null", "-").CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("silence_duration: 2.9")) || bytes.Contains(out, []byte("Error")) {
				t.Errorf("ffmpeg: %v\n%s", err, out)
			}
		})
	}
}

func TestForeignParserAcceptsThePlaylists(t *testing.T) {
	w := newWatch(t)
	w.begin()
	frames := feed{length: 15 * time.Second, audio: audioTrack(), reorder: true}.frames()
	frames = append(frames, feed{length: 3 * time.Second, audio: audioTrack(), start: testStart.Add(15 * time.Second), origin: time.Hour}.frames()...)
	versions := 0
	last := w.seen
	for _, f := range frames {
		w.feed([]*media.Frame{f})
		if w.seen == last {
			continue
		}
		last = w.seen
		versions++
		var m playlist.Media
		if err := m.Unmarshal([]byte(w.text())); err != nil {
			t.Fatalf("%v\n%s", err, w.text())
		}
		own := w.playlist.Last()
		if uint64(m.MediaSequence) != own.MediaSequence || uint64(*m.DiscontinuitySequence) != own.Discontinuity || m.TargetDuration != 4 ||
			m.PreloadHint.URI != own.Hint || m.PartInf.PartTarget != 350*time.Millisecond {
			t.Fatalf("read as %+v", m)
		}
		parts := len(m.Parts)
		for _, s := range m.Segments {
			parts += len(s.Parts)
		}
		for _, s := range own.Segments {
			parts -= len(s.Parts)
		}
		if parts != 0 {
			t.Fatalf("%d parts more than ours", parts)
		}
	}
	if versions < 50 {
		t.Errorf("only %d versions", versions)
	}
	var mv playlist.Multivariant
	srv := serve(t, w.p)
	text := get(t, srv.URL+"/channel.m3u8?token=a.b-c&_HLS_msn=1&x=1")
	if err := mv.Unmarshal(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	v := mv.Variants[0]
	if got := fmt.Sprint(v.Codecs, v.Resolution, *v.FrameRate, v.URI); got != "[avc1.42c028 mp4a.40.2]1920x108030av.m3u8?token=a.b-c&x=1" {
		t.Errorf("variant is %s", got)
	}
	if v.Bandwidth < *v.AverageBandwidth || *v.AverageBandwidth < 200_000 || v.Bandwidth > 500_000 {
		t.Errorf("bandwidth %d, average %d", v.Bandwidth, *v.AverageBandwidth)
	}
	if _, faults := hlscheck.Multivariant(string(text)); len(faults) > 0 {
		t.Error(faults)
	}
}

// Players that know nothing of metadata and date ranges are not disturbed by them.
func TestFFmpegPlaysOnWhereThereIsMetadata(t *testing.T) {
	frames := encodeClip(t, "9", "30", "60", "-bf", "2")
	w := newWatch(t)
	for _, f := range frames { // as encodeClip gives them they are of no date
		f.Arrived = testStart.Add(f.DTS)
	}
	w.begin()
	for i, f := range frames {
		if i%40 == 20 {
			if err := w.p.PutMetadata(strings.Repeat("ü", 500)); err != nil {
				t.Fatal(err)
			}
		}
		if i == len(frames)/2 {
			w.p.AddRange(DateRange{ID: "a", Class: "c", Start: w.now, Planned: time.Second, Client: [][2]string{{"X-A", "b"}}})
		}
		w.feed([]*media.Frame{f})
	}
	w.s.finish()
	w.look()
	var foreign playlist.Media
	if err := foreign.Unmarshal([]byte(w.text())); err != nil || !strings.Contains(w.text(), "#EXT-X-DATERANGE") {
		t.Fatalf("%v\n%s", err, w.text())
	}
	w.p.End()
	srv := serve(t, w.p)
	if got := continuous(t, ffprobe(t, srv.URL+"/channel.m3u8")); got["video"] < 268 {
		t.Errorf("%v packets", got)
	}
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", srv.URL+"/channel.m3u8", "-f", "null", "-").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("rror")) {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}
