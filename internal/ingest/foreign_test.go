package ingest

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// ffmpeg runs ffmpeg with a synthetic picture and tone; what it says comes back when it ends.
func ffmpeg(t *testing.T, length string, args ...string) *exec.Cmd {
	t.Helper()
	in := []string{
		"-hide_banner", "-nostdin", "-loglevel", "info",
		"-re", "-f", "lavfi", "-t", length, "-i", "testsrc=size=320x180:rate=30",
		"-re", "-f", "lavfi", "-t", length, "-i", "sine=sample_rate=48000",
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(in, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

var h264AAC = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-ac", "2", "-f", "flv"}

func TestFFmpegPublishes(t *testing.T) {
	s := startServer(t, nil)
	out, err := ffmpeg(t, "2", append(h264AAC, s.url(goodKey)+"?priority=7")...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	a := s.gate.next(t)
	if a.Priority != 7 || a.App != "app" || a.Protocol != "RTMP" || !a.Remote.IsValid() {
		t.Errorf("publisher: %+v", a.Publisher)
	}
	if e := a.stream.Info().Encoder; !strings.HasPrefix(e, "Lavf") {
		t.Errorf("encoder: %q", e)
	}
	frames, err := a.frames.all(t)
	if err != io.EOF {
		t.Errorf("end: got %v, want io.EOF", err)
	}
	checkTimeline(t, frames)
	video, audio := split(frames)
	if len(video) != 60 {
		t.Errorf("video frames: got %d, want 60", len(video))
	}
	if len(audio) < 80 {
		t.Errorf("audio frames: got %d", len(audio))
	}
	tr := video[0].Track
	if tr.Width != 320 || tr.Height != 180 || tr.FrameRate != 30 || tr.Codec != media.H264 {
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
	if got := s.metric(t, "streamcat_ingest_frames_total", "video"); got != 60 {
		t.Errorf("frames metric: %v", got)
	}
}

func TestFFmpegPublishesBFrames(t *testing.T) {
	s := startServer(t, nil)
	out, err := ffmpeg(t, "1", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-b_strategy", "0", "-g", "30",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv", s.url(goodKey)).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	frames, _ := s.gate.next(t).frames.all(t)
	checkTimeline(t, frames)
	video, _ := split(frames)
	shown := map[time.Duration]bool{}
	late := false
	for i, f := range video {
		shown[f.PTS] = true
		late = late || i > 0 && f.PTS < video[i-1].PTS
	}
	if !late || len(shown) != len(video) {
		t.Errorf("reordered %v, %d display times of %d frames", late, len(shown), len(video))
	}
}

func TestGStreamerPublishes(t *testing.T) {
	s := startServer(t, nil)
	cmd := exec.CommandContext(t.Context(), "gst-launch-1.0", "-q", "flvmux", "name=m", "streamable=true",
		"!", "rtmp2sink", "location="+s.url(goodKey),
		"videotestsrc", "num-buffers=60", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=30/1",
		"!", "x264enc", "speed-preset=ultrafast", "tune=zerolatency", "key-int-max=30", "!", "h264parse", "!", "m.",
		"audiotestsrc", "num-buffers=90", "is-live=true", "!", "audio/x-raw,rate=48000,channels=2",
		"!", "avenc_aac", "!", "aacparse", "!", "m.")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gst-launch: %v\n%s", err, out)
	}
	a := s.gate.next(t)
	frames, err := a.frames.all(t)
	if err != io.EOF {
		t.Errorf("end: got %v, want io.EOF", err)
	}
	checkTimeline(t, frames)
	video, audio := split(frames)
	if len(video) < 55 || len(audio) < 60 {
		t.Errorf("frames: %d video, %d audio", len(video), len(audio))
	}
	if e := a.stream.Info().Encoder; !strings.Contains(e, "GStreamer") {
		t.Errorf("encoder: %q", e)
	}
}

func TestFFmpegIsToldWhy(t *testing.T) {
	for _, c := range []struct {
		name, key string
		refuse    error
		args      []string
		want      string
		reason    string
	}{
		{"an unknown key is refused", "sk_us-east-1_othersecretsecret", nil, h264AAC, "unknown stream key", "unknown_key"},
		{
			"a key in use is refused", goodKey, fault.InConflict("the channel is live from elsewhere"), h264AAC,
			"the channel is live from elsewhere", "key_in_use",
		},
		{"an internal error shows nothing", goodKey, errors.New("database password"), h264AAC, "an internal error occurred", "error"},
		{
			"MPEG-4 video is refused by name", goodKey, nil,
			[]string{"-c:v", "flv", "-c:a", "aac", "-f", "flv"},
			"the encoder sends Sorenson H.263, use H.264", "codec",
		},
		{"MP3 audio is refused by name", goodKey, nil, []string{
			"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
			"-c:a", "libmp3lame", "-ar", "44100", "-f", "flv",
		}, "the encoder sends MP3, use AAC", "codec"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, nil)
			s.gate.refuseWith(c.refuse)
			out, err := ffmpeg(t, "20", append(c.args, s.url(c.key))...).CombinedOutput()
			if err == nil {
				t.Errorf("ffmpeg went on to its end")
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("ffmpeg did not say %q:\n%s", c.want, out)
			}
			if got := s.metric(t, "streamcat_ingest_refusals_total", c.reason); got < 1 {
				t.Errorf("refusals metric: %v; log:\n%s", got, s.log)
			}
			if strings.Contains(s.log.String(), "database password") != (c.reason == "error") {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
}

func TestStopCutsTheEncoder(t *testing.T) {
	s := startServer(t, nil)
	cmd := ffmpeg(t, "60", append(h264AAC, s.url(goodKey))...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := s.gate.next(t)
	a.frames.atLeast(t, 20)
	a.stream.Stop(fault.AccessDenied("the broadcast was stopped by its owner"))
	if err := cmd.Wait(); err == nil {
		t.Error("ffmpeg went on")
	}
	if !strings.Contains(out.String(), "the broadcast was stopped by its owner") {
		t.Errorf("ffmpeg was not told:\n%s", out.String())
	}
}

func split(frames []*media.Frame) (video, audio []*media.Frame) {
	for _, f := range frames {
		if f.Track.Kind == media.Video {
			video = append(video, f)
		} else {
			audio = append(audio, f)
		}
	}
	return video, audio
}

// checkTimeline checks what every consumer of frames relies on.
func checkTimeline(t *testing.T, frames []*media.Frame) {
	t.Helper()
	last := map[int]time.Duration{}
	for i, f := range frames {
		before, ok := last[f.Track.ID]
		if ok && f.DTS <= before {
			t.Fatalf("frame %d: DTS %v after %v", i, f.DTS, before)
		}
		if f.DTS < 0 || f.PTS < 0 || f.Arrived.IsZero() || len(f.Payload) == 0 || f.Track.Kind == media.Audio && f.PTS != f.DTS {
			t.Fatalf("frame %d: %+v", i, f)
		}
		last[f.Track.ID] = f.DTS
	}
}
