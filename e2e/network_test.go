package e2e

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/impair"
)

// behind puts a network between the media port and everybody: clients are told its address only.
func behind(t *testing.T, port string, network netip.AddrPort) *theatre {
	t.Helper()
	return newTheatre(t, func(c *engine.Config) { c.WebRTCAddr, c.PublicIP = port, network.String() })
}

// watchAcross has Chromium publish and another Chromium watch, and gives the one that watches.
func watchAcross(t *testing.T, th *theatre) *script {
	t.Helper()
	host := th.seat("host", publish)
	from := startScriptWith(t, []string{"TOKEN=" + host.token, "SOUND=repair"}, "browser/foreign.mjs", "publish", "whip-whep", th.whip())
	from.hear("publishing")
	to := startScriptWith(t, []string{"TOKEN=" + th.seat("viewer", subscribe).token, "SOUND=repair"}, "browser/foreign.mjs", "view", "plain", th.watching(host.id))
	to.hear("viewing")
	return to
}

func TestWithoutUDPMediaComesByTCP(t *testing.T) {
	port := freeAddr(t)
	th := behind(t, port, withoutUDP(t, port))
	viewer := watchAcross(t, th)
	viewer.cue("measure")
	seen := viewer.hear("measured")
	if seen["frames"].(float64) < 50 || seen["longestFreeze"].(float64) > 1 {
		t.Errorf("over TCP: %v", seen)
	}
}

// withoutUDP is a network that lets TCP through to an address, and swallows UDP.
func withoutUDP(t *testing.T, to string) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hole, err := net.ListenPacket("udp", ln.Addr().String()) // bound, so that nobody is told by ICMP
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			passing.Go(func() {
				defer from.Close()
				onward, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
				if err != nil {
					return
				}
				defer onward.Close()
				stop := context.AfterFunc(ctx, func() { from.Close(); onward.Close() })
				defer stop()
				var back sync.WaitGroup
				back.Go(func() { io.Copy(from, onward); from.Close() })
				io.Copy(onward, from)
				onward.Close()
				back.Wait()
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		ln.Close()
		hole.Close()
		passing.Wait()
	})
	return netip.MustParseAddrPort(ln.Addr().String())
}

// TestLossIsRepaired loses packets between publisher and server and between server and viewer alike.
func TestLossIsRepaired(t *testing.T) {
	port := freeAddr(t)
	relay := impair.UDP(t, netip.MustParseAddrPort(port), impair.Options{})
	th := behind(t, port, relay.Addr())
	viewer := watchAcross(t, th)
	for _, c := range []struct {
		loss          float64
		longestFreeze float64 // seconds
		madeUp        float64 // share of the sound
	}{
		{0.01, 1, 0.02},
		{0.05, 3, 0.05},
		{0.10, 10, 0.2},
	} {
		before := relay.Stats()
		relay.Set(impair.Options{Loss: c.loss})
		viewer.cue("measure")
		seen := viewer.hear("measured")
		after := relay.Stats()
		t.Logf("%.0f %% loss: %v; the relay lost %d", c.loss*100, seen, after.Lost-before.Lost)
		if after.Lost == before.Lost {
			t.Fatal("the relay lost nothing: media went another way")
		}
		if seen["longestFreeze"].(float64) > c.longestFreeze || seen["frames"].(float64) < 50 {
			t.Errorf("%.0f %% loss: the picture was not repaired: %v", c.loss*100, seen)
		}
		if madeUp := seen["madeUp"].(float64); madeUp > c.madeUp {
			t.Errorf("%.0f %% loss: %.1f %% of the sound was made up", c.loss*100, madeUp*100)
		}
	}
}
