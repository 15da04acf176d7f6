//go:build bench

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/gauge"
	"github.com/streamcat/streamcat/internal/hls/hlsbench"
)

const (
	viewers = 200
	further = 10 // streams
	bitrate = 6_000_000
)

// liveServer is a server under load, in a process of its own. Streams are told apart by number.
type liveServer struct {
	name              string
	pid               int
	publish, playback func(n int) string
	profile           string // URL of CPU profiles, if it has one
	watched           func() // called when its viewers are gone and stream 0 is still live; may be nil
}

// channelRows is what TestChannelLoad measures of one server.
type channelRows struct {
	packaging float64 // % of a core per stream
	viewer    float64 // % of a core per viewer
	delivered float64 // bits per second that each of the viewers got meanwhile
	late1     time.Duration
	late200   time.Duration
	late200p9 time.Duration
	first     time.Duration
	memory    float64 // MiB per further stream
	missed    int64   // parts that players asked for too late
}

// TestChannelLoad measures what channels cost the product, RTMP in, LL-HLS out, 6 Mbit/s a stream, and beside it, where
// they are there, MediaMTX, and nginx with viewers of the same playlist and part as plain files.
func TestChannelLoad(t *testing.T) {
	clip, err := hlsbench.MakeClip(t.Context(), bitrate)
	if err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	channels := make([]channel, further+5)
	for i := range channels {
		channels[i] = makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	}
	var files map[string][]byte
	ours := measureChannels(t, clip, liveServer{
		name: "StreamCat", pid: p.cmd.Process.Pid, profile: "http://" + p.Admin + "/debug/pprof/profile",
		publish:  func(n int) string { return channels[n].PublishURL },
		playback: func(n int) string { return channels[n].PlaybackURL },
		watched:  func() { files = capture(t, channels[0].PlaybackURL) },
	})
	t.Log("StreamCat: ", ours)
	if ours.missed > 0 {
		t.Errorf("players missed %d parts", ours.missed)
	}
	p.terminate()

	if floor, why := measureNginx(t, files); why != "" {
		t.Logf("nginx is missing (%s): no ratio", why)
	} else {
		t.Log("nginx: ", floor)
		t.Logf("a viewer costs us %s what the same requests cost nginx", whole(ours.viewer/floor.viewer, ours.keptUp() && floor.keptUp()))
	}

	peer, stop, why := mediaMTX(t)
	if why != "" {
		t.Logf("MediaMTX is missing (%s): no ratios", why)
	} else {
		theirs := measureChannels(t, clip, peer)
		stop()
		t.Log("MediaMTX: ", theirs)
		t.Logf("MediaMTX costs, of ours: packaging %.1f ×, viewer %s, newest picture with 1 player %.1f ×, with %d %.1f ×, first part %.1f ×, memory %.1f ×",
			theirs.packaging/ours.packaging, whole(theirs.viewer/ours.viewer, ours.keptUp() && theirs.keptUp()), ratio(theirs.late1, ours.late1), viewers, ratio(theirs.late200, ours.late200),
			ratio(theirs.first, ours.first), theirs.memory/ours.memory)
	}
}

// keptUp says whether viewers got what was published: one who waits costs nothing, and proves nothing.
func (r channelRows) keptUp() bool { return r.delivered > 0.9*bitrate }

// whole prints a ratio of two servers that both did all their work.
func whole(ratio float64, did bool) string {
	if !did {
		return "(no ratio: viewers did not get all that was published)"
	}
	return fmt.Sprintf("%.1f ×", ratio)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// String is a line of a report.
func (r channelRows) String() string {
	return fmt.Sprintf("packaging %.2f %% of a core per stream; %.3f %% per viewer of %d, who get %.1f Mbit/s each; newest picture at the player p50 %.1f ms with 1, %.1f ms (p99 %.1f) with %d; first part in the playlist %.0f ms after publish; %.1f MiB per further stream; %d parts missed",
		r.packaging, r.viewer, viewers, r.delivered/1e6, milliseconds(r.late1), milliseconds(r.late200), milliseconds(r.late200p9), viewers, milliseconds(r.first), r.memory, r.missed)
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

func measureChannels(t *testing.T, clip *hlsbench.Clip, s liveServer) (r channelRows) {
	together := gauge.Apart(s.pid)
	defer together()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var encoders sync.WaitGroup
	defer encoders.Wait()
	live := func(n int) (begun time.Time, stop context.CancelFunc) {
		t.Helper()
		ctx, stop := context.WithCancel(ctx)
		started := make(chan time.Time, 1)
		encoders.Go(func() {
			if err := clip.Publish(ctx, s.publish(n), func() { started <- time.Now() }); err != nil {
				t.Errorf("%s: stream %d: %v", s.name, n, err)
				close(started)
			}
		})
		begun, ok := <-started
		if !ok {
			t.FailNow()
		}
		return begun, stop
	}

	var first []time.Duration
	for n := range 3 {
		begun, stop := live(further + 1 + n)
		d, err := hlsbench.FirstPart(ctx, s.playback(further+1+n), begun)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		first = append(first, d)
		stop()
	}
	r.first = gauge.At(first, 0.5)

	_, stop := live(0)
	pause(ctx, 20*time.Second) // a window is full
	alone := gauge.Resident(s.pid)
	var others []context.CancelFunc
	for n := range further {
		pause(ctx, 70*time.Millisecond)
		_, stop := live(1 + n)
		others = append(others, stop)
	}
	pause(ctx, 20*time.Second)
	r.memory = float64(gauge.Resident(s.pid)-alone) / further / (1 << 20)
	r.packaging = s.load(ctx, t, "packaging", 10*time.Second) / (further + 1)
	for _, stop := range others {
		stop()
	}
	pause(ctx, 2*time.Second)
	base := s.load(ctx, t, "", 6*time.Second)

	one := hlsbench.Watch(ctx, s.playback(0), 1)
	pause(ctx, 2*time.Second)
	r.late1 = gauge.At(one.Measure(ctx, 8*time.Second), 0.5)
	if err := one.Close(); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	many := hlsbench.Watch(ctx, s.playback(0), viewers)
	pause(ctx, 4*time.Second)
	late := make(chan []time.Duration)
	go func() { late <- many.Measure(ctx, 10*time.Second) }()
	began, got := time.Now(), many.Bytes()
	r.viewer = (s.load(ctx, t, "viewers", 10*time.Second) - base) / viewers
	r.delivered = float64(many.Bytes()-got) * 8 / time.Since(began).Seconds() / viewers
	all := <-late
	r.late200, r.late200p9 = gauge.At(all, 0.5), gauge.At(all, 0.99)
	if err := many.Close(); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	r.missed = many.Missing()
	if s.watched != nil {
		s.watched()
	}
	stop()
	cancel()
	return r
}

// load gives what the server spends in d, in % of a core.
func (s liveServer) load(ctx context.Context, t *testing.T, name string, d time.Duration) float64 {
	profiled := make(chan error, 1)
	go func() {
		if s.profile == "" || name == "" {
			profiled <- nil
			return
		}
		profiled <- takeProfile(s.profile, "channels-"+name, d)
	}()
	began, before := time.Now(), gauge.CPU(s.pid)
	pause(ctx, d)
	spent := float64(gauge.CPU(s.pid)-before) / float64(time.Since(began)) * 100
	if err := <-profiled; err != nil {
		t.Errorf("profile: %v", err)
	}
	return spent
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// mediaMTX starts the peer, or says why it cannot.
func mediaMTX(t *testing.T) (s liveServer, stop func(), why string) {
	rtmp, hls := freeAddr(t), freeAddr(t)
	pid, stop, why := startMediaMTX(t, rtmp, "webrtc: false", "rtmp: true", "rtmpAddress: "+rtmp,
		"hls: true", "hlsAddress: "+hls, "hlsVariant: lowLatency", "hlsAlwaysRemux: true")
	return liveServer{
		name: "MediaMTX", pid: pid,
		publish:  func(n int) string { return fmt.Sprintf("rtmp://%s/live/%d", rtmp, n) },
		playback: func(n int) string { return fmt.Sprintf("http://%s/live/%d/index.m3u8", hls, n) },
	}, stop, why
}
