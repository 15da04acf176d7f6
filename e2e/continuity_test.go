package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// shows waits until pages that were opened before show what was cued.
func (s *script) shows(what string) {
	s.t.Helper()
	s.cue(what)
	look, _, _ := strings.Cut(what, " ")
	s.hear(look)
}

// broken ends an encoder without a word, as a crash or a pulled cable does.
func (e *encoder) broken() {
	e.cmd.Process.Kill()
	<-e.done
}

// startedOnce holds a channel to one stream that started and ended once.
func startedOnce(t *testing.T, told map[string][]string) {
	t.Helper()
	if len(told) != 1 {
		t.Errorf("streams: %v", told)
	}
	for stream, names := range told {
		names = slices.DeleteFunc(names, func(name string) bool {
			return strings.HasPrefix(name, "Starvation") || strings.HasPrefix(name, "StreamCat Advice")
		})
		if !slices.Equal(names, []string{"Session Created", "Stream Start", "Stream End", "Session Ended"}) {
			t.Errorf("stream %s: %v", stream, names)
		}
	}
}

func TestAPageThatIsNeverReloadedPlaysThrough(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := enginetest.Start(t, enginetest.DataDir(dir), func(c *engine.Config) { c.ReconnectWindow = "40s" })
	owner := startScript(t, "browser/story.mjs", e.URL)
	address := publishAddress(owner.hear("registered"))
	enc := ffmpeg(t, address, picture{gop: "30"})
	owner.hear("watching")
	owner.hear("done")
	found, err := ivs.NewFromConfig(e.AWS()).ListStreams(t.Context(), &ivs.ListStreamsInput{})
	if err != nil || len(found.Streams) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	name := aws.ToString(found.Streams[0].ChannelArn)
	out, err := ivs.NewFromConfig(e.AWS()).GetChannel(t.Context(), &ivs.GetChannelInput{Arn: &name})
	if err != nil {
		t.Fatal(err)
	}
	ch := channel{ARN: name, PlaybackURL: aws.ToString(out.Channel.PlaybackUrl)}
	pages := startScript(t, "browser/continuity.mjs", ch.PlaybackURL, e.URL+"/c/ada-streams")
	pages.shows("picture 640x360")

	for _, c := range []struct {
		away time.Duration
		back picture
	}{
		{5 * time.Second, picture{gop: "25", size: "480x270", rate: "25"}},
		{25 * time.Second, picture{gop: "30"}},
		{0, picture{gop: "30", silent: true}}, // as soon as the slate shows
		{0, picture{gop: "30"}},
	} {
		enc.broken()
		gone := time.Now()
		pages.shows("slate")
		t.Logf("a slate, moving for 1.5 s, %.1f s after the encoder was killed", time.Since(gone).Seconds())
		<-time.After(time.Until(gone.Add(c.away)))
		enc = ffmpeg(t, address, c.back)
		size := c.back.size
		if size == "" {
			size = "640x360"
		}
		pages.shows("picture " + size)
	}
	next := ffmpeg(t, address+"?priority=5", picture{gop: "30"})
	if !enc.ended(20 * time.Second) {
		t.Error("the encoder that was taken over from goes on")
	}
	pages.shows("picture 640x360")
	if other := ffmpeg(t, address+"?priority=6", picture{gop: "30", size: "480x270"}); !other.ended(20 * time.Second) {
		t.Error("an encoder of another size takes over")
	}
	pages.shows("picture 640x360")
	next.quit()
	pages.cue("enough")
	pages.hear("done")
	eventually(t, 20*time.Second, "offline", func() bool { return !isLive(t, e.AWS(), ch) })
	e.Stop()
	told := streamEvents(t, dir, ch.ARN)
	for stream, names := range told {
		for _, name := range []string{"Stream Takeover", "Stream Takeover Failure"} {
			if n := len(names); n-len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })) != 1 {
				t.Errorf("not one %s: %v", name, names)
			}
		}
		told[stream] = slices.DeleteFunc(names, func(s string) bool { return strings.HasPrefix(s, "Stream Takeover") })
	}
	startedOnce(t, told)
}
