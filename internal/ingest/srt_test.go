package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/media"
)

const goodPassphrase = "passphrasesecretsecret"

// fakePassphrases knows the passphrase of the good key.
type fakePassphrases struct{}

func (fakePassphrases) Passphrase(_ context.Context, key string) (string, error) {
	if key != goodKey {
		return "", fault.Missing("unknown stream key")
	}
	return goodPassphrase, nil
}

// srtServer is a running SRT server with a fake gate and a log that tests can read.
type srtServer struct {
	*testServer // without its RTMP
	srt         *SRT
	addr        string
}

func startSRT(t testing.TB, change func(*SRTDeps)) *srtServer {
	t.Helper()
	s := &srtServer{testServer: &testServer{gate: newFakeGate(), log: &lockedBuffer{}, reg: prometheus.NewRegistry()}}
	d := SRTDeps{
		Gates: []media.Gate{s.gate}, Passphrases: fakePassphrases{}, Registerer: s.reg,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&d)
	}
	s.srt = NewSRT(d)
	l, err := ListenSRT("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.srt.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.srt.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
		s.keepsSecrets(t)
	})
	return s
}

// srtURL is what an encoder is given; options are added to the query.
func srtURL(addr, key string, options ...string) string {
	return "srt://" + addr + "?" + strings.Join(append([]string{"streamid=" + key}, options...), "&")
}

var h264TS = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-ac", "2", "-f", "mpegts"}

func TestFFmpegPublishesOverSRT(t *testing.T) {
	for _, c := range []struct {
		name, key string
		options   []string
		encrypted bool
	}{
		{"in clear", goodKey, nil, false},
		{"encrypted", goodKey, []string{"passphrase=" + goodPassphrase}, true},
		{"with a key of 256 bits", goodKey, []string{"passphrase=" + goodPassphrase, "pbkeylen=32"}, true},
		{"in the access control form", "#!::r=" + goodKey + ",m=publish", nil, false},
		{"in the access control form, percent-encoded", "%23!::r%3D" + goodKey + "%2Cm%3Dpublish", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSRT(t, nil)
			out, err := ffmpeg(t, "3", append(h264TS, srtURL(s.addr, c.key, c.options...))...).CombinedOutput()
			if err != nil {
				t.Fatalf("ffmpeg: %v\n%s\n%s", err, out, s.log)
			}
			a := s.gate.next(t)
			if a.App != "srt" || a.Protocol != "SRT" || a.Key != goodKey || a.Encrypted != c.encrypted || !a.Remote.IsValid() {
				t.Errorf("publisher: %+v", a.Publisher)
			}
			frames, err := a.frames.all(t)
			if err != io.EOF {
				t.Errorf("end: got %v, want io.EOF", err)
			}
			checkTimeline(t, frames)
			video, audio := split(frames)
			// What waits in SRT's buffer when the encoder says goodbye is lost.
			if len(video) < 75 || len(video) > 90 || len(audio) < 110 {
				t.Errorf("frames: %d video, %d audio", len(video), len(audio))
			}
			if tr := video[0].Track; tr.Width != 320 || tr.Height != 180 || tr.FrameRate != 30 || tr.Codec != media.H264 {
				t.Errorf("video track: %+v", tr)
			}
			if tr := audio[0].Track; tr.SampleRate != 48000 || tr.Channels != 2 || tr.Codec != media.AAC {
				t.Errorf("audio track: %+v", tr)
			}
			for i, f := range video {
				if f.Key != (i%30 == 0) {
					t.Errorf("frame %d: key %v", i, f.Key)
				}
			}
			if got := s.metric(t, "streamcat_ingest_frames_total", "video"); got != float64(len(video)) {
				t.Errorf("frames metric: %v", got)
			}
		})
	}
}

func TestGStreamerPublishesOverSRT(t *testing.T) {
	s := startSRT(t, nil)
	cmd := exec.CommandContext(t.Context(), "gst-launch-1.0", "-q", "-e", "mpegtsmux", "name=m", "alignment=7",
		"!", "srtsink", "uri="+srtURL(s.addr, goodKey), "passphrase="+goodPassphrase, "wait-for-connection=true",
		"videotestsrc", "num-buffers=90", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=30/1",
		"!", "x264enc", "speed-preset=ultrafast", "tune=zerolatency", "key-int-max=30", "!", "h264parse", "!", "m.",
		"audiotestsrc", "num-buffers=140", "is-live=true", "!", "audio/x-raw,rate=48000,channels=2",
		"!", "avenc_aac", "!", "aacparse", "!", "m.")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gst-launch: %v\n%s\n%s", err, out, s.log)
	}
	a := s.gate.next(t)
	frames, err := a.frames.all(t)
	if err != io.EOF || !a.Encrypted {
		t.Errorf("end: got %v, want io.EOF; encrypted %v", err, a.Encrypted)
	}
	checkTimeline(t, frames)
	if video, audio := split(frames); len(video) < 75 || len(audio) < 110 {
		t.Errorf("frames: %d video, %d audio\n%s", len(video), len(audio), s.log)
	}
}

// srt-live-transmit is libsrt's own tool: a relay between UDP or a pipe and SRT.
func TestLiveTransmitPublishes(t *testing.T) {
	s := startSRT(t, func(d *SRTDeps) { d.Timeouts.Idle = time.Second }) // the tool says no goodbye
	source := ffmpeg(t, "3", append(h264TS, "pipe:1")...)
	relay := exec.CommandContext(t.Context(), "srt-live-transmit", "-loglevel", "error", "file://con",
		srtURL(s.addr, "publish:"+goodKey, "passphrase="+goodPassphrase, "mode=caller"))
	pipe, err := source.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	relay.Stdin = pipe
	var said lockedBuffer
	relay.Stdout, relay.Stderr = &said, &said
	for _, cmd := range []*exec.Cmd{relay, source} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	a := s.gate.next(t)
	if err := source.Wait(); err != nil {
		t.Errorf("ffmpeg: %v", err)
	}
	frames, err := a.frames.all(t)
	if err := relay.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	relay.Wait()
	checkTimeline(t, frames)
	if video, _ := split(frames); len(video) < 75 {
		t.Errorf("%d video frames, end %v; the tool said:\n%s", len(video), err, said.String())
	}
}

func TestCallersAreToldWhy(t *testing.T) {
	for _, c := range []struct {
		name, id string
		options  []string
		refuse   error
		reason   string
		code     string
		said     string // by the encoder
	}{
		{"an unknown key", "sk_us-east-1_othersecretsecret", nil, nil, "unknown_key", "1404", ""},
		{"an unknown key, encrypted", "sk_us-east-1_othersecretsecret", []string{"passphrase=" + goodPassphrase}, nil, "unknown_key", "1404", ""},
		{"a wrong passphrase", goodKey, []string{"passphrase=anothersecretsecret"}, nil, "passphrase", "1010", "Incorrect passphrase"},
		{"no passphrase where one is demanded", goodKey, nil, fault.AccessDenied("only encrypted streams"), "unencrypted", "1011", "Password required"},
		{"a key in use", goodKey, nil, fault.InConflict("live already"), "key_in_use", "1407", ""},
		{"no room", goodKey, nil, fault.OverQuota(1, "too many streams"), "quota", "1402", ""},
		{"an error of ours", goodKey, nil, errors.New("database password"), "error", "1500", ""},
		{"who wants to watch", "#!::r=" + goodKey + ",m=request", nil, nil, "mode", "1405", ""},
		{"who sends a file", "#!::r=" + goodKey + ",m=publish,t=file", nil, nil, "media_type", "1415", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSRT(t, nil)
			s.gate.refuseWith(c.refuse)
			out, err := ffmpeg(t, "20", append(h264TS, srtURL(s.addr, c.id, c.options...))...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.said) {
				t.Errorf("ffmpeg: %v\n%s", err, out)
			}
			if got := s.metric(t, "streamcat_ingest_refusals_total", c.reason); got < 1 {
				t.Errorf("refusals metric: %v", got)
			}
			if want := "code=" + c.code; !strings.Contains(s.log.String(), want) {
				t.Errorf("no %s in the log:\n%s", want, s.log)
			}
		})
	}
}

// onAdmit calls a function before it asks its gate.
type onAdmit struct {
	media.Gate
	call func()
}

func (g onAdmit) Admit(ctx context.Context, p media.Publisher) (*media.Stream, error) {
	g.call()
	return g.Gate.Admit(ctx, p)
}

// The network loses our answer, and whatever follows within half a second.
func TestCallerWhoMissedTheAnswerIsAnsweredAgain(t *testing.T) {
	var relay atomic.Pointer[impair.Relay]
	s := startSRT(t, func(d *SRTDeps) {
		d.Gates[0] = onAdmit{d.Gates[0], func() {
			relay.Load().Set(impair.Options{Block: true, Only: []impair.Way{impair.ToClient}})
			time.AfterFunc(500*time.Millisecond, func() { relay.Load().Set(impair.Options{}) })
		}}
	})
	relay.Store(impair.UDP(t, netip.MustParseAddrPort(s.addr), impair.Options{}))
	out, err := ffmpeg(t, "4", append(h264TS, srtURL(relay.Load().Addr().String(), goodKey, "passphrase="+goodPassphrase))...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s\n%s", err, out, s.log)
	}
	a := s.gate.next(t)
	if frames, err := a.frames.all(t); err != io.EOF || len(frames) < 50 {
		t.Errorf("%d frames, end %v\n%s", len(frames), err, s.log)
	}
	if n := s.gate.asked(); n != 1 {
		t.Errorf("the gate was asked %d times", n)
	}
}

func TestLostEncoderEndsTheStreamAsLost(t *testing.T) {
	s := startSRT(t, func(d *SRTDeps) { d.Timeouts.Idle = time.Second })
	cmd := ffmpeg(t, "60", append(h264TS, srtURL(s.addr, goodKey))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := s.gate.next(t)
	a.frames.atLeast(t, 10)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := a.frames.all(t); err != errLost {
		t.Errorf("end: got %v, want %v", err, errLost)
	}
}

func TestStoppedStreamEndsTheConnection(t *testing.T) {
	s := startSRT(t, nil)
	cmd := ffmpeg(t, "60", append(h264TS, srtURL(s.addr, goodKey))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := s.gate.next(t)
	a.frames.atLeast(t, 10)
	a.stream.Stop(fault.InConflict("stopped by its owner"))
	if err := cmd.Wait(); err == nil {
		t.Error("ffmpeg went on to its end")
	}
}

func TestSRTPortBelongsToOneServer(t *testing.T) {
	s := startSRT(t, nil)
	if l, err := ListenSRT(s.addr); err == nil {
		l.Close()
		t.Error("a second server has the same port")
	}
}
