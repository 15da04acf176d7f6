package stage_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
	"github.com/streamcat/streamcat/internal/stage"
)

// threeSizes are the encodings of a simulcast: parameter sets of 320×180, 640×360 and 1280×720 as x264 writes them, and slices
// with nothing to decode that are filled with the encoding's mark, for 30 pictures a second.
func threeSizes(t *testing.T) (list []rtctest.Layer) {
	t.Helper()
	unit := func(head []byte, size int, mark byte) []byte {
		return slices.Concat([]byte{0, 0, 0, 1}, head, bytes.Repeat([]byte{mark}, size))
	}
	for _, l := range []struct {
		rid, sps string
		mark     byte
		bitrate  int
	}{
		{"q", "6742c00dd901419f9f0110000003001000000303c0f142a480", 0x11, 120_000},
		{"h", "6742c01ed900a02ff970110000030001000003003c0f162e48", 0x22, 700_000},
		{"f", "6742c01fd9005005bb0110000003001000000303c0f1832480", 0x33, 1_500_000},
	} {
		sps, err := hex.DecodeString(l.sps)
		check(t, err)
		size := l.bitrate / 8 / 30
		video := [][]byte{slices.Concat(unit(sps, 0, 0), unit([]byte{0x68, 0xCE, 0x3C, 0x80}, 0, 0), unit([]byte{0x65}, 2*size, l.mark))}
		for range 59 {
			video = append(video, unit([]byte{0x41, 0x9A}, size, l.mark))
		}
		list = append(list, rtctest.Layer{RID: l.rid, Video: video})
	}
	return list
}

// TestASubscriberGetsTheSizeThatItsLineCarries: behind a line that closes to 500 kbit/s and opens again, the
// picture becomes smaller and larger again, beginning with a key frame each time.
func TestASubscriberGetsTheSizeThatItsLineCarries(t *testing.T) {
	n := newNode(t)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	line := impair.UDP(t, udp.LocalAddr().(*net.UDPAddr).AddrPort(), impair.Options{})
	whip := n.wireBy(udp, rtc.Candidate{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), UDP: line.Addr().Port()})
	host, guest := n.token("host"), n.token("guest", func(s *auth.Seat) { s.Publish = false })
	publisher := rtctest.Publish(t, whip, host, rtctest.Options{Layers: threeSizes(t)})
	eventually(t, "publishing", func() bool { return n.metric("publishers") == 1 })
	var mark atomic.Int64
	var newest uint16
	begun := false
	rtctest.Subscribe(t, whip+"/subscribe/host", guest, rtctest.Options{H264Only: true, OnPacket: func(p rtctest.Packet) {
		b := p.RTP.Payload
		if p.Kind != rtctest.Video || len(b) == 0 || b[0]&0x1F == 24 { // parameter sets have no mark
			return
		}
		if begun && int16(p.RTP.SequenceNumber-newest) < 0 { // sent again
			return
		}
		begun, newest = true, p.RTP.SequenceNumber
		mark.Store(int64(b[len(b)-1]))
	}})
	shows := func(want int64) func() bool { return func() bool { return mark.Load() == want } }
	eventually(t, "the largest picture", shows(0x33))
	line.Set(impair.Options{Rate: 500_000, Only: []impair.Way{impair.ToClient}})
	eventually(t, "the smallest picture", shows(0x11))
	line.Set(impair.Options{})
	eventually(t, "the largest picture again", shows(0x33))
	socket := n.join(guest)
	socket.send(`{"type":"PREFER","payload":{"participantId":"host","maxWidth":640,"maxHeight":360}}`)
	eventually(t, "the picture that is preferred", shows(0x22))
	socket.send(`{"type":"PREFER","payload":{"participantId":"host"}}`)
	eventually(t, "the largest picture without a preference", shows(0x33))
	if publisher.PLIs.Load() == 0 {
		t.Error("no key frame was asked for")
	}
	if got := n.metric("publishers"); got != 1 {
		t.Errorf("%v publishers", got)
	}
}

// TestAPublisherWithTooMuchIsCut: all its tracks together may bring 8.5 Mbit/s.
func TestAPublisherWithTooMuchIsCut(t *testing.T) {
	n := newNode(t)
	p := n.offer(n.token("host"))
	if b, ok := p.pub.(rtc.Bounded); !ok || b.MaxBitrate() != 8_500_000 {
		t.Error("a publication has no bound of 8.5 Mbit/s")
	}
	p.Close(rtc.ErrFlood)
	<-p.gone
	eventually(t, "written down", func() bool {
		return slices.Equal(n.history("host"), []string{"JOINED", "PUBLISH_ERROR BITRATE_EXCEEDED", "LEFT"})
	})
}

func TestWishesForASizeAreRead(t *testing.T) {
	for frame, good := range map[string]bool{
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":640,"maxHeight":360}}`:    true,
		`{"type":"PREFER","payload":{"participantId":"a"}}`:                                   true,
		`{"type":"PREFER","payload":{"participantId":"","maxWidth":640,"maxHeight":360}}`:     false,
		`{"type":"PREFER","payload":{"maxWidth":640,"maxHeight":360}}`:                        false,
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":-1,"maxHeight":360}}`:     false,
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":640,"maxHeight":100000}}`: false,
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":"640"}}`:                  false,
		`{"type":"PREFER"}`: false,
	} {
		if _, _, _, err := stage.ParseFrame([]byte(frame)); (err == nil) != good {
			t.Errorf("%s: %v", frame, err)
		}
	}
}
