package rtc

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// avcc joins NAL units as frames have them, without those that go into the track.
func avcc(nals [][]byte) (b []byte) {
	for _, nal := range nals {
		if kind := nal[0] & 0x1F; kind <= nalSEI {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(nal))), nal...)
		}
	}
	return b
}

func TestFramesAreWhatTheEncoderMade(t *testing.T) {
	video, audio := encodeWHIP(t, "", "4")
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("mode 0: %v", whole), func(t *testing.T) {
			r := newRig(t, FramesOptions{})
			r.send(reports(packets(&packetizer{seq: 65500, base: 1<<32 - 100_000, whole: whole}, &packetizer{base: 1<<32 - 30_000}, video, audio)))
			vs, as := r.end()
			if len(vs) != len(video) || len(as) != len(audio) {
				t.Fatalf("%d of %d pictures, %d of %d packets of sound", len(vs), len(video), len(as), len(audio))
			}
			for i, f := range vs {
				if !bytes.Equal(f.Payload, avcc(video[i].nals)) {
					t.Fatalf("picture %d differs", i)
				}
				if off := f.PTS - vs[0].PTS - video[i].at; off.Abs() > time.Millisecond || f.PTS != f.DTS {
					t.Fatalf("picture %d is at %v, %v off, decoded at %v", i, f.PTS, off, f.DTS)
				}
				if f.Key != (i%60 == 0) || f.Track != vs[0].Track {
					t.Fatalf("picture %d: key %v, track %+v", i, f.Key, f.Track)
				}
			}
			for i, f := range as {
				if !bytes.Equal(f.Payload, audio[i].packet) {
					t.Fatalf("sound %d differs", i)
				}
				if off := f.PTS - as[0].PTS - audio[i].at; off.Abs() > time.Millisecond {
					t.Fatalf("sound %d is at %v, %v off", i, f.PTS, off)
				}
			}
			tr := vs[0].Track
			if tr.Width != 320 || tr.Height != 180 || !strings.HasPrefix(tr.RFC6381(), "avc1.42C0") {
				t.Errorf("video track is %+v", tr)
			}
			if as[0].Track.RFC6381() != "opus" || as[0].Track.SampleRate != 48000 {
				t.Errorf("audio track is %+v", as[0].Track)
			}
		})
	}
}

// packaged lets an HLS packager have the stream of a rig, and gives a server of the result.
func (r *rig) packaged(t *testing.T, frames []*media.Frame) (*hls.Packager, string) {
	t.Helper()
	p := hls.New(hls.Options{Now: func() time.Time { return clipStart }})
	stream := media.NewStream()
	reader := stream.NewReader(media.ReaderOptions{Frames: len(frames) + 1, Bytes: 1 << 30})
	defer reader.Close()
	for _, f := range frames {
		if err := stream.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	stream.Close()
	if err := p.Run(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	p.End()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if file := strings.TrimPrefix(r.URL.Path, "/"); file == "channel.m3u8" {
			p.ServeMultivariant(w, r, hls.PlaylistFile, 0)
		} else {
			p.ServeMedia(w, r, file)
		}
	}))
	t.Cleanup(srv.Close)
	return p, srv.URL
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, res.Status, err)
	}
	return b.String()
}

// judge holds that a packaged stream keeps the rules and decodes without complaint, and gives its
// packets' times.
func judge(t *testing.T, url string) map[string][]float64 {
	t.Helper()
	check := hlscheck.New()
	for _, fault := range check.Playlist(fetch(t, url+"/"+hls.PlaylistFile)) {
		t.Error(fault)
	}
	var m *hlscheck.Media
	last := ""
	for _, s := range check.Last().Segments {
		if key := fmt.Sprint(s.Map, s.CC); key != last {
			var faults []string
			m, faults = hlscheck.NewMedia([]byte(fetch(t, url+"/"+s.Map)))
			for _, fault := range faults {
				t.Error(fault)
			}
			last = key
		}
		for _, p := range s.Parts {
			for _, fault := range m.Part(p, []byte(fetch(t, url+"/"+p.URI))) {
				t.Error(fault)
			}
		}
	}
	if _, faults := hlscheck.Multivariant(fetch(t, url+"/channel.m3u8")); len(faults) > 0 {
		t.Error(faults)
	}
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", url+"/channel.m3u8",
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput() // times as they are, at no rate of its own
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-show_packets", "-of", "json", url+"/channel.m3u8").Output()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Packets []struct {
			Kind string `json:"codec_type"`
			PTS  string `json:"pts_time"`
		}
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	times := map[string][]float64{}
	for _, p := range doc.Packets {
		at, err := strconv.ParseFloat(p.PTS, 64)
		if err != nil {
			t.Fatal(err)
		}
		times[p.Kind] = append(times[p.Kind], at)
	}
	return times
}

func TestFramesArePackagedAndDecoded(t *testing.T) {
	video, audio := encodeWHIP(t, "", "8")
	r := newRig(t, FramesOptions{})
	r.send(reports(broadcast(video, audio)))
	r.end()
	_, url := r.packaged(t, r.frames)
	times := judge(t, url)
	if n := len(times["video"]); n < len(video)-1 {
		t.Errorf("%d of %d pictures", n, len(video))
	}
	if n := len(times["audio"]); n < len(audio)-1 {
		t.Errorf("%d of %d packets of sound", n, len(audio))
	}
	if off := times["video"][0] - times["audio"][0]; math.Abs(off) > 0.025 {
		t.Errorf("sound begins %.3f s off", off)
	}
}
