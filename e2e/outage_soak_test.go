//go:build soak

package e2e

import (
	"net/netip"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// outages are what a client's line may do to it.
var outages = map[string]func(r *impair.Relay){
	"ten seconds without a line": func(r *impair.Relay) {
		r.Set(impair.Options{Block: true})
		<-time.After(10 * time.Second)
		r.Set(impair.Options{})
	},
	"another address": (*impair.Relay).Rebind,
	"ten seconds, then another address": func(r *impair.Relay) {
		r.Set(impair.Options{Block: true})
		<-time.After(10 * time.Second)
		r.Rebind()
		r.Set(impair.Options{})
	},
}

// recovers is how long media may take to come again after an outage.
const recovers = 8 * time.Second

// TestSoakNobodyIsDisconnectedByAnOutage: the lines of publisher and subscriber fail for ten seconds, or get another address
// as a NAT gives it. The same sessions go on.
func TestSoakNobodyIsDisconnectedByAnOutage(t *testing.T) {
	t.Run("pion", func(t *testing.T) {
		port := freeAddr(t)
		relay := impair.UDP(t, netip.MustParseAddrPort(port), impair.Options{})
		th := behind(t, port, relay.Addr())
		host, guest := th.seat("host", publish), th.seat("guest", subscribe)
		p := rtctest.Publish(t, th.whip(), host.token, rtctest.Options{H264Only: true})
		th.events(host, "JOINED", "PUBLISH_STARTED")
		s := rtctest.Subscribe(t, th.watching(host.id), guest.token, rtctest.Options{H264Only: true})
		s.Await(t, rtctest.Video, 30)
		for name, happen := range outages {
			happen(relay)
			over := time.Now()
			keys, asked := s.KeyFrames(), p.PLIs.Load()
			s.Await(t, rtctest.Video, 60)
			s.Await(t, rtctest.Audio, 60)
			took := time.Since(over)
			t.Logf("%s: media came again after %.1f s, by %d key frames, %d asked for", name, took.Seconds(), s.KeyFrames()-keys, p.PLIs.Load()-asked)
			if took > recovers+time.Second { // which 60 packets of sound take
				t.Errorf("%s: media came again after %v", name, took)
			}
		}
		th.events(host, "JOINED", "PUBLISH_STARTED")
		th.events(guest, "JOINED", "SUBSCRIBE_STARTED")
	})
	t.Run("Chromium", func(t *testing.T) {
		port := freeAddr(t)
		relay := impair.UDP(t, netip.MustParseAddrPort(port), impair.Options{})
		th := behind(t, port, relay.Addr())
		host, guest := th.seat("host", publish), th.seat("guest", subscribe)
		from := startScriptWith(t, []string{"TOKEN=" + host.token}, "browser/foreign.mjs", "publish", "whip-whep", th.whip())
		from.hear("publishing")
		to := startScriptWith(t, []string{"TOKEN=" + guest.token}, "browser/foreign.mjs", "view", "plain", th.watching(host.id))
		to.hear("viewing")
		for name, happen := range outages {
			happen(relay)
			over := time.Now()
			eventually(t, time.Minute, "media after "+name, func() bool {
				to.cue("measure")
				seen := to.hear("measured")
				t.Logf("%s: until %.0f s after it %v", name, time.Since(over).Seconds(), seen)
				return seen["frames"].(float64) > 100 && seen["longestFreeze"].(float64) < 1
			})
			if took := time.Since(over); took > recovers+20*time.Second { // two measurements
				t.Errorf("%s: media came again after %v", name, took)
			}
		}
		th.events(host, "JOINED", "PUBLISH_STARTED")
		th.events(guest, "JOINED", "SUBSCRIBE_STARTED")
	})
}
