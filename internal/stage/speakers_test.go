package stage_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestWhoSpeaksIsToldAndHowLoudItIsPassedOn has two publish by WebRTC, one of whom speaks: sockets are told who, also those that
// come later, and subscribers get what each packet says of its sound.
func TestWhoSpeaksIsToldAndHowLoudItIsPassedOn(t *testing.T) {
	n := newNode(t)
	whip := n.wire()
	guest := n.token("guest", func(s *auth.Seat) { s.Publish = false })
	first := n.join(guest)
	rtctest.Publish(t, whip, n.token("still"), rtctest.Options{NoVideo: true, Media: rtctest.Media{Levels: []uint8{70, 72}}})
	host := rtctest.Publish(t, whip, n.token("host"), rtctest.Options{NoVideo: true, Media: rtctest.Media{Levels: []uint8{0x80 | 25, 0x80 | 30}}})
	speak := func(c *client, want ...string) {
		t.Helper()
		for {
			if f := c.read(); f.Type == "SPEAKERS" {
				if !slices.Equal(f.Payload.ParticipantIDs, want) {
					t.Errorf("told that %q speak, want %q", f.Payload.ParticipantIDs, want)
				}
				return
			}
		}
	}
	speak(first, "host")
	speak(n.join(n.token("late", func(s *auth.Seat) { s.Publish = false })), "host")

	var levels, without atomic.Int64
	rtctest.Subscribe(t, whip+"/subscribe/host", guest, rtctest.Options{NoVideo: true, OnPacket: func(p rtctest.Packet) {
		for _, id := range p.RTP.GetExtensionIDs() {
			if b := p.RTP.GetExtension(id); len(b) == 1 && (b[0] == 0x80|25 || b[0] == 0x80|30) {
				levels.Add(1)
				return
			}
		}
		without.Add(1)
	}})
	eventually(t, "packets come", func() bool { return levels.Load()+without.Load() >= 10 })
	if n := without.Load(); n > 0 {
		t.Errorf("%d packets do not say how loud they are", n)
	}
	host.Close()
	speak(first)
}
