package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// plain gives a second of pictures of one colour, as access units of H.264 that browsers decode.
func plain(t *testing.T, colour string) [][]byte {
	t.Helper()
	return pictures(t, "color=c="+colour+":size=320x180:rate=30", "200k")
}

// pictures gives a second of what a source of ffmpeg's shows, 30 pictures, every fifteenth a key frame, as access units of H.264 that
// browsers decode.
func pictures(t *testing.T, source, bitrate string) (units [][]byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pictures.h264")
	made := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "15",
		"-x264-params", "sliced-threads=0:aud=1", "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", "100k", file)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	stream, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	delimiter := []byte{0, 0, 0, 1, 9} // begins an access unit (ITU-T H.264 §7.4.1.2.3)
	for _, unit := range bytes.Split(stream, delimiter)[1:] {
		units = append(units, append(bytes.Clone(delimiter), unit...))
	}
	if len(units) != 30 {
		t.Fatalf("ffmpeg made %d pictures", len(units))
	}
	return units
}

// TestABrowserWatchesAllOverOneConnection: three are seen over one connection that was negotiated once; one goes, another one comes, and
// it still was.
func TestABrowserWatchesAllOverOneConnection(t *testing.T) {
	e := enginetest.Start(t)
	th := theatreOn(t, e, e.URL, e.AWS())
	shows := func(colour string) *rtctest.Publisher {
		return rtctest.Publish(t, th.whip(), th.seat(colour, publish).token, rtctest.Options{H264Only: true, Media: rtctest.Media{Video: plain(t, colour)}})
	}
	red := shows("red")
	shows("green")
	shows("blue")
	guest := th.seat("guest", subscribe)
	s := startScriptWith(t, []string{"TOKEN=" + guest.token}, "browser/slots.mjs")
	once := func(step string) {
		t.Helper()
		if said := s.hear(step); said["connections"] != 1.0 || said["descriptions"] != 1.0 {
			t.Errorf("%s: %v connections, %v answers", step, said["connections"], said["descriptions"])
		}
	}
	once("three")
	red.Leave(t)
	s.cue("left")
	once("gone")
	shows("white")
	s.cue("came")
	once("four")
	th.events(guest, "JOINED", "SUBSCRIBE_STARTED", "SUBSCRIBE_STARTED", "SUBSCRIBE_STARTED", "SUBSCRIBE_STOPPED", "SUBSCRIBE_STARTED")
	s.cue("enough")
	s.hear("done")
}
