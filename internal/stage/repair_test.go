package stage_test

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestLostPacketsComeAgainOnTheRepairStream: behind a line that loses one in ten, what is missing comes as RFC 4588 says, and
// nothing comes late otherwise.
func TestLostPacketsComeAgainOnTheRepairStream(t *testing.T) {
	n := newNode(t)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	line := impair.UDP(t, udp.LocalAddr().(*net.UDPAddr).AddrPort(), impair.Options{})
	whip := n.wireBy(udp, rtc.Candidate{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), UDP: line.Addr().Port()})
	rtctest.Publish(t, whip, n.token("host"), rtctest.Options{H264Only: true})
	eventually(t, "publishing", func() bool { return n.metric("publishers") == 1 })
	var again, late atomic.Int64
	var newest uint16
	begun := false
	rtctest.Subscribe(t, whip+"/subscribe/host", n.token("guest", func(s *auth.Seat) { s.Publish = false }), rtctest.Options{H264Only: true, OnPacket: func(p rtctest.Packet) {
		switch {
		case p.Kind != rtctest.Video:
		case p.Again:
			again.Add(1)
		case begun && int16(p.RTP.SequenceNumber-newest) < 0:
			late.Add(1)
		default:
			begun, newest = true, p.RTP.SequenceNumber
		}
	}})
	line.Set(impair.Options{Loss: 0.1, Only: []impair.Way{impair.ToClient}})
	eventually(t, "packets have come again", func() bool { return again.Load() >= 20 })
	if n := late.Load(); n > 0 {
		t.Errorf("%d packets came again by themselves", n)
	}
	if got := n.metric("packets_retransmitted_total"); got < 20 {
		t.Errorf("%v packets were sent again", got)
	}
}
