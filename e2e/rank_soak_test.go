//go:build soak

package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// sizes gives a picture in three sizes, of 60, 200 and 600 kbit/s.
func sizes(t *testing.T) (list []rtctest.Layer) {
	t.Helper()
	for _, l := range []struct{ rid, size, bitrate string }{{"q", "160x90", "60k"}, {"h", "320x180", "200k"}, {"f", "640x360", "600k"}} {
		source := fmt.Sprintf("testsrc2=size=%s:rate=30,noise=alls=20:allf=t", l.size)
		list = append(list, rtctest.Layer{RID: l.rid, Video: pictures(t, source, l.bitrate)})
	}
	return list
}

// TestSoakALineIsSharedByRank has a browser watch three with the client library, over one connection on a line that closes
// to 600 kbit/s and opens again. Their pictures become smaller, the one that is wanted last first, and larger again; all of them
// go on: these publishers cannot be asked for a key frame, so one that is lost costs the half second until the next one.
func TestSoakALineIsSharedByRank(t *testing.T) {
	port := freeAddr(t)
	line := impair.UDP(t, netip.MustParseAddrPort(port), impair.Options{})
	th := behind(t, port, line.Addr())
	layers := sizes(t)
	for _, name := range []string{"ann", "bob", "cleo"} {
		rtctest.Publish(t, th.whip(), th.seat(name, publish).token, rtctest.Options{NoAudio: true, H264Only: true, Layers: layers})
	}
	s := startScriptWith(t, []string{"TOKEN=" + th.seat("guest", subscribe).token}, "browser/rank.mjs", "3")
	s.hear("wide")
	line.Set(impair.Options{Rate: 600_000, Only: []impair.Way{impair.ToClient}})
	s.cue("closed")
	narrow := s.hear("narrow")
	line.Set(impair.Options{})
	s.cue("open")
	again := s.hear("wideAgain")
	s.cue("enough")
	s.hear("done")
	for _, said := range []map[string]any{narrow, again} {
		if took := said["seconds"].(float64); took > 10 {
			t.Errorf("%s after %.1f s, want 10 s at most", said["step"], took)
		}
		if frozen := said["frozen"].([]any); slices.ContainsFunc(frozen, func(f any) bool { return f.(float64) > 1.5 }) {
			t.Errorf("%s: pictures stood still for up to %v s, want 1.5 s at most", said["step"], frozen)
		}
	}
}
