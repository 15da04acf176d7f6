package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

func TestAStreamerReadsHowTheStreamDoes(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t, func(c *engine.Config) { c.ReconnectWindow = "15s" })
	s := startScript(t, "browser/health.mjs", e.URL)
	encoder := ffmpeg(t, publishAddress(s.hear("registered")), picture{size: "320x180", rate: "25", gop: "200"})
	live := s.hear("live")
	if b := live["bitrate"].(float64); b < 0.2 || b > 5 {
		t.Errorf("the bitrate is %v Mb/s", b)
	}
	if fps := live["fps"].(float64); fps < 15 || fps > 35 {
		t.Errorf("%v pictures a second", fps)
	}
	advice := fmt.Sprint(live["advice"])
	if !strings.Contains(advice, "8.0 s apart") || !strings.Contains(advice, "ffmpeg: -g 50") {
		t.Errorf("advises %s", advice)
	}
	if charts := live["charts"].([]any); len(charts) != 4 {
		t.Errorf("charts %v", charts)
	}
	encoder.broken()
	lost := s.hear("lost")
	if d := fmt.Sprint(lost["dashboard"]); !regexp.MustCompile(`^ ?Waiting for your encoder, \d+ s left\.$`).MatchString(d) {
		t.Errorf("the dashboard says %q", d)
	}
	if c := fmt.Sprint(lost["channel"]); !strings.Contains(c, "goes on here when it is back") {
		t.Errorf("the channel page says %q", c)
	}
	s.hear("off")
}
