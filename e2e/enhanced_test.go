package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/media/mediatest"
)

// publishLive sends frames over and over by Enhanced RTMP, each at its time, until ctx ends.
func publishLive(ctx context.Context, address string, frames []*media.Frame, length time.Duration) error {
	p, err := ingest.DialPublish(ctx, address, ingest.PublishOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	start := time.Now()
	for turn := time.Duration(0); ; turn += length {
		for _, f := range frames {
			again := *f
			again.DTS += turn
			again.PTS += turn
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Until(start.Add(again.DTS))):
			}
			if err := p.WriteFrame(&again); err != nil {
				return err
			}
		}
	}
}

// What no encoder of the distribution sends by RTMP our own publisher does: AV1 and Opus, watched in Chromium,
// and HEVC, which that browser plays only where the machine decodes it, read by ffmpeg.
func TestEnhancedRTMPIsWatched(t *testing.T) {
	t.Parallel()
	const length = 4 * time.Second
	e := enginetest.Start(t)
	publish := func(video, audio []string) channel {
		c := makeChannel(t, e.AWS(), e.RTMP)
		frames := mediatest.Encode(t, mediatest.Picture("640x360", "4"), mediatest.Tone("4"), video, audio)
		// What an encoder adds after the end of the clip would overlap the next turn.
		frames = slices.DeleteFunc(frames, func(f *media.Frame) bool { return f.DTS >= length })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- publishLive(ctx, c.PublishURL, frames, length) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the publisher ended with %v", err)
			}
		})
		eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
		return c
	}

	hevc := publish(mediatest.HEVC, mediatest.AAC)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-count_frames", "-read_intervals", "%+3", "-select_streams", "v",
		"-show_entries", "stream=codec_name,width,nb_read_frames", "-of", "csv=p=0", hevc.PlaybackURL).CombinedOutput()
	var frames int
	if n, _ := fmt.Sscanf(string(out), "hevc,640,%d", &frames); err != nil || n != 1 || frames < 60 {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}

	av1 := publish(mediatest.AV1, mediatest.Opus)
	s := startScript(t, "browser/codecs.mjs", av1.PlaybackURL, "av01.0.01M.08,opus")
	if able := s.hear("able"); !slices.Equal(able["codecs"].([]any), []any{true}) {
		t.Errorf("Chromium cannot play what we call it: %v", able)
	}
	if seen := s.hear("playing"); seen["width"] != 640.0 || seen["height"] != 360.0 || len(seen["fatal"].([]any)) > 0 {
		t.Errorf("Chromium plays %v", seen)
	}
	s.hear("done")
}
