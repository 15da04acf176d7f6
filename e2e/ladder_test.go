package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/media/mediatest"
)

// ballast is a NAL unit that says nothing, with its length before it: user data as supplemental information
// (ITU-T H.264 §7.3.2.3). A picture of one colour is too small to feel a slow network.
func ballast(bytes int) []byte {
	const supplemental, user = 6, 5
	b := []byte{supplemental, user}
	size := bytes
	for ; size >= 255; size -= 255 {
		b = append(b, 255)
	}
	b = append(append(b, byte(size)), slices.Repeat([]byte{0x55}, bytes)...)
	b = append(b, 0x80)
	return append([]byte{0, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
}

// colours encodes four seconds in three renditions, each of one colour, with key frames every two seconds,
// and one sound.
func colours(t *testing.T) (tracks []*media.Track, frames []*media.Frame) {
	t.Helper()
	for i, c := range []struct {
		colour, size string
		ballast      int // bytes
	}{{"red", "640x360", 9000}, {"green", "426x240", 2000}, {"blue", "256x144", 500}} {
		picture := []string{"-f", "lavfi", "-t", "4", "-i", "color=c=" + c.colour + ":size=" + c.size + ":rate=30"}
		video := []string{
			"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
		}
		var own *media.Track
		for _, f := range mediatest.Encode(t, picture, mediatest.Tone("4"), video, mediatest.AAC) {
			if f.Track.Kind == media.Audio {
				if i == 0 {
					frames = append(frames, f)
				}
				continue
			}
			if own == nil {
				track := *f.Track
				track.ID, track.FrameRate = media.FirstVideo+i, 30
				own = &track
				tracks = append(tracks, own)
			}
			g := *f
			g.Track, g.Payload = own, append(ballast(c.ballast), f.Payload...)
			frames = append(frames, &g)
		}
	}
	slices.SortStableFunc(frames, func(a, b *media.Frame) int { return int(a.DTS - b.DTS) })
	return tracks, frames
}

// publishColours sends them over and over by Enhanced RTMP, until ctx ends; without the first while paused.
func publishColours(ctx context.Context, address string, tracks []*media.Track, frames []*media.Frame, paused *atomic.Bool) error {
	p, err := ingest.DialPublish(ctx, address, ingest.PublishOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Announce(0, tracks...); err != nil {
		return err
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for turn := time.Duration(0); ; turn += 4 * time.Second {
		for _, f := range frames {
			if f.DTS >= 4*time.Second || f.Track == tracks[0] && paused.Load() {
				continue
			}
			g := *f
			g.DTS, g.PTS = f.DTS+turn, f.PTS+turn
			timer.Reset(time.Until(start.Add(g.DTS)))
			select {
			case <-ctx.Done():
				return nil
			case <-p.Done():
				return fmt.Errorf("the server ended the stream: %w", p.Err())
			case <-timer.C:
			}
			if err := p.WriteFrame(&g); err != nil {
				return err
			}
		}
	}
}

// TestHLSJSSwitchesAmongTheRenditionsOfAStream has hls.js in Chromium play a multitrack stream, switch when it
// is told to, and by itself when the network is slow; and stay where it is while that rendition pauses.
func TestHLSJSSwitchesAmongTheRenditionsOfAStream(t *testing.T) {
	t.Parallel()
	tracks, frames := colours(t)
	e := enginetest.Start(t)
	out, err := ivs.NewFromConfig(e.AWS()).CreateChannel(t.Context(), &ivs.CreateChannelInput{
		Type: types.ChannelTypeStandardChannelType, ContainerFormat: types.ContainerFormatFragmentedMP4,
		MultitrackInputConfiguration: &types.MultitrackInputConfiguration{
			Enabled: true, Policy: types.MultitrackPolicyAllow, MaximumResolution: types.MultitrackMaximumResolutionFullHd,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := channel{aws.ToString(out.Channel.Arn), aws.ToString(out.Channel.PlaybackUrl), e.RTMP + aws.ToString(out.StreamKey.Value), ""}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var paused atomic.Bool
	go func() { ended <- publishColours(ctx, c.PublishURL, tracks, frames, &paused) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("publisher: %v", err)
		}
	})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })

	pages := http.NewServeMux()
	pages.Handle("/", http.FileServer(http.Dir("browser")))
	pages.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/hls.js/dist/hls.min.js")
	})
	srv := httptest.NewServer(pages)
	defer srv.Close()
	s := startScript(t, "browser/ladder.mjs", srv.URL+"/ladder.html?src="+url.QueryEscape(c.PlaybackURL))
	s.hear("pause")
	paused.Store(true)
	s.hear("resume")
	paused.Store(false)
	s.hear("switched")
	s.hear("done")
}
