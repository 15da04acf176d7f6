package e2e

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/impair"
)

// narrowed is how a browser fared that watched another one's picture over a line that closed to 500 kbit/s and opened again.
type narrowed struct{ fell, rose, frozen float64 } // seconds

// narrow has a browser publish a picture in several sizes, and another one watch it over a line.
func narrow(t *testing.T, width, height int) (n narrowed) {
	t.Helper()
	e := enginetest.Start(t)
	th := theatreOn(t, e, e.URL, e.AWS())
	host, guest := th.seat("host", publish), th.seat("guest", subscribe)
	camera := filepath.Join(t.TempDir(), "camera.y4m")
	// As hard to encode as a real camera's picture: the encodings are to need all that they may.
	made := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=30,noise=alls=30:allf=t", width, height), "-t", "2", "-pix_fmt", "yuv420p", camera)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	line := impair.UDP(t, netip.MustParseAddrPort(e.Addresses().WebRTC), impair.Options{})
	s := startScriptWith(t, []string{"HOST=" + host.token, "GUEST=" + guest.token}, "browser/layers.mjs",
		th.whip(), th.watching(host.id), strconv.Itoa(int(line.Addr().Port())), camera, strconv.Itoa(width), strconv.Itoa(height))
	s.hear("wide")
	line.Set(impair.Options{Rate: 500_000, Only: []impair.Way{impair.ToClient}})
	s.cue("closed")
	fell := s.hear("narrow")
	line.Set(impair.Options{})
	s.cue("open")
	rose := s.hear("wideAgain")
	s.cue("enough")
	s.hear("done")
	n = narrowed{fell["seconds"].(float64), rose["seconds"].(float64), max(fell["frozen"].(float64), rose["frozen"].(float64))}
	t.Logf("smaller after %.1f s, whole again after %.1f s, %.2f s without a picture at most", n.fell, n.rose, n.frozen)
	return n
}

// TestABrowserGetsTheSizeThatItsLineCarries: the picture becomes smaller and larger again, and goes on all the while.
func TestABrowserGetsTheSizeThatItsLineCarries(t *testing.T) { narrow(t, 640, 360) }
