//go:build soak

package e2e

import (
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestSoakAiortcWatchesThroughTheRelayAlone: GStreamer publishes, and aiortc has no other candidate than a relayed one.
func TestSoakAiortcWatchesThroughTheRelayAlone(t *testing.T) {
	e := enginetest.Start(t, relaying)
	th := theatreOn(t, e, e.URL, e.AWS())
	host := th.seat("host", publish)
	startPeer(t, host.token, python, "webrtc/gst.py", th.whip()).hears(t, "connected")
	th.events(host, "JOINED", "PUBLISH_STARTED")
	aio := startPeer(t, th.seat("viewer", subscribe).token, python, "webrtc/aio_relay.py", th.watching(host.id))
	aio.hears(t, "relayed turn:"+e.Addresses().TURN+"?transport=udp")
	aio.hears(t, "video 640 360")
	aio.hears(t, "audio")
}
