//go:build soak

package e2e

import (
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// TestSoakAiortcWatchesThroughTheRelayAlone: GStreamer publishes, and aiortc has no other candidate than a relayed one: by UDP on the
// relay's own port, and by TLS on the port of HTTPS.
func TestSoakAiortcWatchesThroughTheRelayAlone(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca), relaying)
	th := theatreOn(t, e, e.HTTPS, e.AWS())
	trusting := "SSL_CERT_FILE=" + ca.File
	host := th.seat("host", publish)
	startPeer(t, host.token, "env", trusting, python, "webrtc/gst.py", th.whip()).hears(t, "connected")
	th.events(host, "JOINED", "PUBLISH_STARTED")
	for scheme, url := range map[string]string{
		"turn":  "turn:" + e.Addresses().TURN + "?transport=udp",
		"turns": "turns:" + e.Addresses().HTTPS + "?transport=tcp",
	} {
		aio := startPeer(t, th.seat("viewer", subscribe).token, "env", trusting, python, "webrtc/aio_relay.py", th.watching(host.id), scheme)
		aio.hears(t, "relayed "+url)
		aio.hears(t, "video 640 360")
		aio.hears(t, "audio")
	}
}
