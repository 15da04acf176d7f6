package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// srtURL is where to publish to a channel, as its owner reads it from the API; options are added to it.
func srtURL(t *testing.T, e *enginetest.Engine, c channel, options ...string) (url, passphrase string) {
	t.Helper()
	got, err := ivs.NewFromConfig(e.AWS()).GetChannel(t.Context(), &ivs.GetChannelInput{Arn: &c.ARN})
	if err != nil {
		t.Fatal(err)
	}
	srt := got.Channel.Srt
	if "srt://"+*srt.Endpoint != e.SRT {
		t.Errorf("srt.endpoint is %s, the port is %s", *srt.Endpoint, e.SRT)
	}
	return e.SRT + "?" + strings.Join(append([]string{"streamid=" + c.Key}, options...), "&"), *srt.Passphrase
}

// ffmpegSRT publishes a moving picture and a tone over SRT in real time.
func ffmpegSRT(t *testing.T, url string) *encoder {
	t.Helper()
	return startEncoder(t, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin",
		"-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60",
		"-sc_threshold", "0", "-b:v", "1000k", "-c:a", "aac", "-b:a", "128k", "-f", "mpegts", url)
}

func gstreamerSRT(t *testing.T, url string) *encoder {
	t.Helper()
	pipeline := `videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ! h264parse ! queue ! mux.
		audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! avenc_aac ! aacparse ! queue ! mux.
		mpegtsmux name=mux alignment=7 ! srtsink wait-for-connection=true uri=` + url
	return startEncoder(t, "gst-launch-1.0", strings.Fields("-e "+pipeline)...)
}

func TestSRTPublishersAreWatchable(t *testing.T) {
	e := enginetest.Start(t)
	for name, publish := range map[string]func(*testing.T, string) *encoder{"ffmpeg": ffmpegSRT, "GStreamer": gstreamerSRT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeChannel(t, e.AWS(), e.RTMP)
			url, passphrase := srtURL(t, e, c)
			publish(t, url+"&passphrase="+passphrase)
			eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
			follow(t, mediaURL(t, c.PlaybackURL), 40)
			probe(t, c.PlaybackURL)
			if log := e.Log(); strings.Contains(log, c.Key) || strings.Contains(log, passphrase) {
				t.Error("the log holds a secret")
			}
		})
	}
}

func TestSRTDemandsWhatTheChannelDoes(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.InsecureIngest = "enforce" })
	client := ivs.NewFromConfig(e.AWS())
	c := makeChannel(t, e.AWS(), e.RTMP)
	url, passphrase := srtURL(t, e, c)
	refused := func(what, url, reason string) {
		t.Helper()
		if !ffmpegSRT(t, url).ended(20 * time.Second) {
			t.Errorf("%s: the encoder goes on", what)
		}
		if !strings.Contains(e.Log(), "reason="+reason) {
			t.Errorf("%s: the log does not say reason=%s", what, reason)
		}
	}
	refused("no passphrase", url, "unencrypted")
	refused("a wrong passphrase", url+"&passphrase=not-that-one-at-all", "passphrase")
	refused("an unknown key", strings.Replace(url, c.Key, "sk_us-east-1_nobody_nobody", 1), "unknown_key")
	refused("who wants to watch", strings.Replace(url, c.Key, "#!::m=request,r="+c.Key, 1), "mode")

	if _, err := client.UpdateChannel(t.Context(), &ivs.UpdateChannelInput{Arn: &c.ARN, InsecureIngest: true}); err != nil {
		t.Fatal(err)
	}
	first := ffmpegSRT(t, url)
	eventually(t, 30*time.Second, "live in clear", func() bool { return isLive(t, e.AWS(), c) })
	refused("a second encoder", url+"&passphrase="+passphrase, "key_in_use")
	first.quit()
	eventually(t, 20*time.Second, "over", func() bool { return !isLive(t, e.AWS(), c) })
	if log := e.Log(); strings.Contains(log, c.Key) || strings.Contains(log, passphrase) {
		t.Error("the log holds a secret")
	}
}
