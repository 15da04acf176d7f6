//go:build bench

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// clockPicture writes gray pictures of 640 × 360 that carry the time of their making, until ctx ends.
// bench/latency.js reads them.
func clockPicture(ctx context.Context, w io.WriteCloser) {
	defer w.Close()
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	frame := make([]byte, 640*360)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		made := time.Now().UnixMilli()
		for y := range 360 {
			for x := range 640 {
				v := byte(x + y + 3*n) // something that moves, so that the encoder has work
				if y < 120 {
					v = 16
					if made>>(47-(y/40*16+x/40))&1 == 1 {
						v = 235
					}
				}
				frame[y*640+x] = v
			}
		}
		if _, err := w.Write(frame); err != nil {
			return
		}
	}
}

// TestLatencyToHLSJS measures, from the making of a picture to its showing in hls.js in Chromium, what a
// viewer on the same machine is behind: encoder, RTMP, packaging, playlist, part, player.
func TestLatencyToHLSJS(t *testing.T) {
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ffmpeg := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error",
		"-f", "rawvideo", "-pix_fmt", "gray", "-s", "640x360", "-r", "30", "-i", "-",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "2000k",
		"-c:a", "aac", "-f", "flv", "-flush_packets", "1", c.PublishURL)
	in, err := ffmpeg.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = ffmpeg.Wait() }()
	go clockPicture(ctx, in)
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	published := time.Now()

	pages := http.NewServeMux()
	pages.Handle("/", http.FileServer(http.Dir("bench")))
	pages.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/hls.js/dist/hls.min.js")
	})
	srv := httptest.NewServer(pages)
	defer srv.Close()
	out, err := exec.CommandContext(ctx, "node", "bench/latency.mjs", srv.URL+"/latency.html?src="+url.QueryEscape(c.PlaybackURL), "15").Output()
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	var got struct {
		FirstFrame float64
		Latency    []float64
		Fatal      int
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	slices.Sort(got.Latency)
	at := func(q float64) float64 { return got.Latency[int(q*float64(len(got.Latency)-1))] }
	t.Logf("picture made → shown by hls.js 1.7.4: p50 %.0f ms, p95 %.0f ms, max %.0f ms over %d pictures; page → first picture %.0f ms (%.1f s after going live); fatal errors %d",
		at(0.5), at(0.95), at(1), len(got.Latency), got.FirstFrame, time.Since(published).Seconds(), got.Fatal)
	if at(0.5) > 10_000 || at(0) < 0 {
		t.Errorf("the picture's clock was not read: %v…", got.Latency[:5])
	}
}
