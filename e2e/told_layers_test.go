package e2e

import (
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestABrowserChoosesAmongLayers: the client library is told in which sizes a picture is published, gets the one that the application
// prefers, and begins with the largest where it is to.
func TestABrowserChoosesAmongLayers(t *testing.T) {
	e := enginetest.Start(t)
	th := theatreOn(t, e, e.URL, e.AWS())
	var layers []rtctest.Layer
	for _, l := range [][3]string{{"q", "320x180", "120k"}, {"h", "640x360", "450k"}, {"f", "1280x720", "1400k"}} {
		layers = append(layers, rtctest.Layer{RID: l[0], Video: pictures(t, "testsrc2=size="+l[1]+":rate=30,noise=alls=20:allf=t", l[2])})
	}
	rtctest.Publish(t, th.whip(), th.seat("host", publish).token, rtctest.Options{H264Only: true, Layers: layers})
	s := startScriptWith(t, []string{"LOW=" + th.seat("low", subscribe).token, "HIGH=" + th.seat("high", subscribe).token}, "browser/toldlayers.mjs")
	s.hear("done")
}
