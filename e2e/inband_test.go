package e2e

import (
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestABrowserPublishesSizesThatCarryMessages has the client library publish a picture in three sizes, all of which the server takes, with
// messages in it that another browser gets as they were, each as many times as it was sent.
func TestABrowserPublishesSizesThatCarryMessages(t *testing.T) {
	e := enginetest.Start(t)
	th := theatreOn(t, e, e.URL, e.AWS())
	s := startScriptWith(t, []string{"HOST=" + th.seat("host", publish).token, "GUEST=" + th.seat("guest", subscribe).token}, "browser/inband.mjs")
	t.Log(s.hear("sizes")["rids"])
	s.hear("done")
}
