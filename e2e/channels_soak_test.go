//go:build soak

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlsbench"
)

// leaves runs something that comes and goes on a server, and wants goroutines, descriptors and memory to
// be where they were before once it is over.
func leaves(t *testing.T, p *process, nothing func()) {
	t.Helper()
	type state struct{ goroutines, files, heap float64 }
	look := func() state {
		fetch(t, "http://"+p.Admin+"/debug/pprof/heap?gc=1", http.StatusOK)
		return state{metric(t, p, "go_goroutines"), metric(t, p, "process_open_fds"), metric(t, p, "go_memstats_heap_alloc_bytes") / (1 << 20)}
	}
	before := look()
	nothing()
	var after state
	eventually(t, 3*time.Minute, "everything is let go", func() bool {
		after = look()
		return after.goroutines <= before.goroutines+10 && after.files <= before.files+10 && after.heap <= before.heap+16
	})
	t.Logf("goroutines %.0f → %.0f, descriptors %.0f → %.0f, heap %.1f → %.1f MiB",
		before.goroutines, after.goroutines, before.files, after.files, before.heap, after.heap)
}

// TestSoakAThousandViewers has 1,000 players read every part of one stream for two minutes.
func TestSoakAThousandViewers(t *testing.T) {
	const viewers, lasts = 1000, 2 * time.Minute
	clip, err := hlsbench.MakeClip(t.Context(), 3_000_000)
	if err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	ctx, cancel := context.WithTimeout(t.Context(), lasts+2*time.Minute)
	defer cancel()
	var encoder sync.WaitGroup
	defer encoder.Wait()
	defer cancel()
	encoder.Go(func() {
		if err := clip.Publish(ctx, c.PublishURL, nil); err != nil {
			t.Errorf("publish: %v", err)
		}
	})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })
	crowd := hlsbench.Watch(ctx, c.PlaybackURL, viewers)
	rest := func(d time.Duration) {
		t.Helper()
		select {
		case <-time.After(d):
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
	rest(30 * time.Second)
	early, parts := metric(t, p, "process_resident_memory_bytes"), crowd.Parts()
	rest(lasts - 30*time.Second)
	late := metric(t, p, "process_resident_memory_bytes")
	rate := float64(crowd.Parts()-parts) / (lasts - 30*time.Second).Seconds() / viewers
	if err := crowd.Close(); err != nil {
		t.Error(err)
	}
	if crowd.Missing() > 0 {
		t.Errorf("%d parts were gone before a player could ask for them", crowd.Missing())
	}
	if late > early*1.15 {
		t.Errorf("memory grew from %.0f to %.0f MiB", early/(1<<20), late/(1<<20))
	}
	t.Logf("%d players: %.2f parts a second each, %d MiB in all, memory %.0f → %.0f MiB", viewers, rate, crowd.Bytes()>>20, early/(1<<20), late/(1<<20))
}

// TestSoakPublishersComeAndGo has encoders begin and end 2,000 times on 20 channels.
func TestSoakPublishersComeAndGo(t *testing.T) {
	const cycles, channels = 2000, 20
	clip, err := hlsbench.MakeClip(t.Context(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	all := make([]channel, channels)
	for i := range all {
		all[i] = makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	}
	leaves(t, p, func() {
		var left atomic.Int64
		left.Store(cycles)
		var crowd sync.WaitGroup
		for _, c := range all {
			crowd.Go(func() {
				for left.Add(-1) >= 0 {
					ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
					err := clip.Publish(ctx, c.PublishURL, nil)
					cancel()
					if err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		crowd.Wait()
		for _, c := range all {
			eventually(t, time.Minute, "the stream has ended", func() bool { return !isLive(t, p.aws(), c) })
		}
	})
}

// TestSoakPollingForWhatIsNotThere asks for playlists, renditions, parts and versions that do not exist.
func TestSoakPollingForWhatIsNotThere(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })
	media, err := url.Parse(mediaURL(t, c.PlaybackURL))
	if err != nil {
		t.Fatal(err)
	}
	folder := media.Scheme + "://" + media.Host + media.Path[:strings.LastIndexByte(media.Path, '/')+1]
	asks := []func(n int64) string{
		func(n int64) string {
			return p.URL + fmt.Sprintf("/api/video/v1/us-east-1.000000000000.channel.%012d.m3u8", n)
		},
		func(n int64) string {
			return p.URL + fmt.Sprintf("/api/video/v1/us-east-1.000000000000.channel.%012d/av.m3u8", n)
		},
		func(n int64) string { return folder + fmt.Sprintf("av%d.m3u8", n) },
		func(n int64) string { return folder + fmt.Sprintf("p%d-abcdefgh.m4s", n) },
		func(n int64) string { return folder + fmt.Sprintf("av.m3u8?s=%016d&_HLS_msn=%d", n, 1<<62) },
	}
	ctx, cancel := context.WithTimeout(t.Context(), soakTime())
	defer cancel()
	var count atomic.Int64
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	leaves(t, p, func() {
		var crowd sync.WaitGroup
		for range 50 {
			crowd.Go(func() {
				for ctx.Err() == nil {
					n := count.Add(1)
					resp, err := client.Get(asks[n%int64(len(asks))](n))
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode < 400 || resp.StatusCode >= 500 {
						t.Errorf("%s: %s", resp.Request.URL.Path, resp.Status)
						return
					}
				}
			})
		}
		crowd.Wait()
		client.CloseIdleConnections()
	})
	t.Logf("%d requests", count.Load())
}
