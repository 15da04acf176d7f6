package e2e

import (
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestPeopleMeetWithBrowsersOnly is the main job without an encoder. That the right person is seen and heard
// is told by the colour of their camera and the tone of their microphone.
func TestPeopleMeetWithBrowsersOnly(t *testing.T) {
	e := enginetest.Start(t)
	hostVideo, hostAudio := camera{"red", 440}.files(t)
	guestVideo, guestAudio := camera{"green", 880}.files(t)
	s := startScript(t, "browser/meeting.mjs", e.URL, hostVideo, hostAudio, guestVideo, guestAudio)
	for _, step := range []string{"together", "realTime", "channel", "reloaded", "late", "removed", "crashed", "done"} {
		s.hear(step)
	}
	if strings.Contains(e.Log(), "eyJ") || strings.Contains(e.Log(), "sk_") {
		t.Error("a secret is in the log")
	}
}

// TestGoingLiveFromATab is a broadcast without encoder or guests, by WHIP with the stream key.
func TestGoingLiveFromATab(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	video, audio := camera{"red", 440}.files(t)
	s := startScript(t, "browser/golive.mjs", e.URL, video, audio)
	for _, step := range []string{"live", "sharing", "ended", "done"} {
		s.hear(step)
	}
	if strings.Contains(e.Log(), "sk_") {
		t.Error("the stream key is in the log")
	}
}
