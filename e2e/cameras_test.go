package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// camera is what somebody's fake camera and microphone give: a colour with something that moves, and a
// tone. A person is told by them.
type camera struct {
	colour string // as ffmpeg knows it
	tone   int    // Hz
}

// files makes a camera's files in the forms that Chromium plays over and over.
func (c camera) files(t *testing.T) (video, audio string) {
	t.Helper()
	dir := t.TempDir()
	video, audio = filepath.Join(dir, "camera.y4m"), filepath.Join(dir, "microphone.wav")
	// The box crosses the picture once in the file's time, so that the picture moves without a jump.
	scene := fmt.Sprintf("color=c=%s:size=640x360:rate=15:duration=4[a];color=c=white:size=60x60:rate=15:duration=4[b];"+
		"[a][b]overlay=x='mod(t/4*W,W)':y=150,format=yuv420p", c.colour)
	// Beeps, since a browser's noise suppression takes a tone that goes on for noise.
	tone := fmt.Sprintf("aevalsrc='0.6*sin(2*PI*%d*t)*lt(mod(t,0.5),0.2)':sample_rate=48000:duration=4", c.tone)
	for _, args := range [][]string{
		{"-filter_complex", scene, "-f", "yuv4mpegpipe", video},
		{"-f", "lavfi", "-i", tone, "-ac", "2", audio},
	} {
		cmd := exec.Command("ffmpeg", append([]string{"-nostdin", "-loglevel", "error", "-y"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
	}
	return video, audio
}
