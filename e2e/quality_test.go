package e2e

import (
	"net/netip"
	"testing"

	"github.com/streamcat/streamcat/internal/impair"
)

// TestStreamsTellTheirQuality has two browsers with the client library on a network that becomes bad.
func TestStreamsTellTheirQuality(t *testing.T) {
	port := freeAddr(t)
	network := impair.UDP(t, netip.MustParseAddrPort(port), impair.Options{})
	th := behind(t, port, network.Addr())
	s := startScriptWith(t, []string{"HOST=" + th.seat("host").token, "GUEST=" + th.seat("guest", subscribe).token}, "browser/quality.mjs")
	s.hear("good")
	network.Set(impair.Options{Loss: 0.4, Seed: 3})
	s.cue("lossy")
	s.hear("done")
}
