package e2e

import (
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// player runs a program that watches, for a time at most, and gives all it printed.
func player(t *testing.T, limit time.Duration, name string, args ...string) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// decodes has ffmpeg read so many seconds of a live stream and decode them, at 30 frames a second. The frames are
// numbered anew, since its own guess of the frame rate is no concern here.
func decodes(t *testing.T, playback string, seconds int) {
	t.Helper()
	said, err := player(t, time.Minute+time.Duration(seconds)*time.Second, "ffmpeg", "-nostdin", "-v", "error", "-progress", "-", "-nostats",
		"-t", strconv.Itoa(seconds), "-i", playback, "-vf", "setpts=N/30/TB", "-f", "null", "-")
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, said)
	}
	all := regexp.MustCompile(`(?m)^frame=(\d+)`).FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		t.Fatalf("ffmpeg decoded nothing:\n%s", said)
	}
	frames, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil || frames < seconds*30-5 || frames > seconds*30+5 {
		t.Errorf("ffmpeg decoded %d frames of %d seconds", frames, seconds)
	}
	if strings.Contains(said, "rror") || strings.Contains(said, "nvalid") {
		t.Errorf("ffmpeg complains:\n%s", said)
	}
}

func TestPlayersThatAreNotOursPlayALiveChannel(t *testing.T) {
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })

	// Shaka 5.2 tells the format by a segment in the middle of the list, and fails where that one has only parts yet.
	media := mediaURL(t, c.PlaybackURL)
	eventually(t, 30*time.Second, "some segments", func() bool {
		return len(parse[*playlist.Media](t, fetch(t, media, http.StatusOK)).Segments) > 3
	})
	t.Run("Shaka Player with low latency", func(t *testing.T) {
		s := startScript(t, "browser/shaka.mjs", c.PlaybackURL)
		playing := s.hear("playing")
		if playing["live"] != true || playing["parts"].(float64) < 8 || len(playing["errors"].([]any)) > 0 {
			t.Errorf("%v", playing)
		}
		if latency := playing["latency"].(float64); latency > 4 {
			t.Errorf("it plays %.1f s behind the end: not with low latency", latency)
		}
	})
	t.Run("ffmpeg for 15 seconds", func(t *testing.T) {
		t.Parallel()
		decodes(t, c.PlaybackURL, 15)
	})
	t.Run("GStreamer with hlsdemux2", func(t *testing.T) {
		t.Parallel()
		gst := startEncoder(t, "gst-launch-1.0", "-v", "playbin3", "uri="+c.PlaybackURL,
			"video-sink=fakesink name=picture sync=true silent=false", "audio-sink=fakesink name=sound sync=true silent=false")
		eventually(t, time.Minute, "400 pictures and pieces of sound", func() bool {
			if gst.ended(0) {
				t.Fatalf("it ended: %v", gst.err)
			}
			said := gst.said()
			count := func(sink string) int { return strings.Count(said, "chain   ******* ("+sink+":sink)") }
			return count("picture") >= 400 && count("sound") >= 400
		})
		if said := gst.said(); strings.Contains(said, "ERROR") || !strings.Contains(said, "GstHLSDemux2") {
			t.Errorf("it complains, or it was not hlsdemux2 that read the playlist:\n%.3000s", said)
		}
	})
}

// A channel of normal latency is for players that know nothing of low latency, and for any cache.
func TestAChannelOfNormalLatencyIsPlainHLS(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	channels := ivs.NewFromConfig(e.AWS())
	made, err := channels.CreateChannel(t.Context(), &ivs.CreateChannelInput{LatencyMode: types.ChannelLatencyModeNormalLatency})
	if err != nil {
		t.Fatal(err)
	}
	c := channel{*made.Channel.Arn, *made.Channel.PlaybackUrl, e.RTMP + *made.StreamKey.Value, *made.StreamKey.Value}
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	media := mediaURL(t, c.PlaybackURL)
	check, versions, last := hlscheck.New(), 0, ""
	check.Plain = true
	eventually(t, 40*time.Second, "six versions of the playlist", func() bool {
		body := fetch(t, media+"&_HLS_msn=1000000000000&_HLS_part=0", http.StatusOK) // what is not offered is not looked at
		if body != last {
			last = body
			versions++
			parse[*playlist.Media](t, body)
			if wrong := check.Playlist(body); len(wrong) > 0 {
				t.Fatalf("%s\n%s", strings.Join(wrong, "\n"), body)
			}
		}
		return versions == 6
	})
	decodes(t, c.PlaybackURL, 8)
}
