package stage_test

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/impair"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// marks follows the pictures of a gallery by their m-section: the last byte of what came last.
type marks struct {
	mu    sync.Mutex
	by    map[string]byte
	fresh map[string]bool   // the next picture is another participant's
	torn  []string          // sections on which that did not begin with a key frame
	seqs  map[string]uint16 // the newest
}

func (m *marks) take(p rtctest.Packet) {
	b := p.RTP.Payload
	if p.Kind != rtctest.Video || len(b) < 3 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if newest, begun := m.seqs[p.Mid]; begun && int16(p.RTP.SequenceNumber-newest) <= 0 {
		return // sent again, or repaired
	}
	m.seqs[p.Mid] = p.RTP.SequenceNumber
	if nal := b[0] & 0x1F; nal == 24 || nal == 7 || nal == 8 { // parameter sets have no mark
		m.fresh[p.Mid] = true
		return
	}
	if mark := b[len(b)-1]; mark != m.by[p.Mid] {
		if !m.fresh[p.Mid] {
			m.torn = append(m.torn, p.Mid)
		}
		m.by[p.Mid] = mark
	}
	m.fresh[p.Mid] = false
}

func newMarks() *marks {
	return &marks{by: map[string]byte{}, fresh: map[string]bool{}, seqs: map[string]uint16{}}
}

// shown gives which marks are to be seen, in ascending order.
func (m *marks) shown() (list []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range m.by {
		list = append(list, mark)
	}
	slices.Sort(list)
	return list
}

// TestManyOverOneConnection has a real client watch two of three publishers over one connection; when one goes, the third is
// shown on the same m-section, from a key frame on.
func TestManyOverOneConnection(t *testing.T) {
	n := newNode(t)
	whip := n.wire()
	guest := n.token("guest", func(s *auth.Seat) { s.Publish = false })
	for id, mark := range map[string]byte{"ann": 0x11, "bob": 0x22, "cleo": 0x33} {
		rtctest.Publish(t, whip, n.token(id), rtctest.Options{Media: rtctest.Media{Mark: mark, Bitrate: 200_000}})
	}
	eventually(t, "all publish", func() bool { return n.metric("publishers") == 3 })
	socket := n.join(guest)
	socket.want("ann", "bob", "cleo")
	seen := newMarks()
	sub := rtctest.Subscribe(t, whip+"/subscribe", guest, rtctest.Options{Slots: 2, H264Only: true, OnPacket: seen.take})
	eventually(t, "two pictures", func() bool { return slices.Equal(seen.shown(), []byte{0x11, 0x22}) })
	check(t, n.m.Disconnect(t.Context(), n.stage, "ann", "enough"))
	eventually(t, "the third in the place of the first", func() bool { return slices.Equal(seen.shown(), []byte{0x22, 0x33}) })
	if len(seen.torn) > 0 {
		t.Errorf("another picture began without a key frame on %v", seen.torn)
	}
	if sub.PC.ConnectionState().String() != "connected" {
		t.Error("the connection is gone")
	}
}

// TestALineCarriesSeveralPictures: behind a line that has room for two, the one that is wanted first is larger; and
// the other one when that is wanted smaller.
func TestALineCarriesSeveralPictures(t *testing.T) {
	n := newNode(t)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	line := impair.UDP(t, udp.LocalAddr().(*net.UDPAddr).AddrPort(), impair.Options{Rate: 1_400_000, Only: []impair.Way{impair.ToClient}})
	direct := n.wireBy(udp, rtc.Candidate{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), UDP: line.Addr().Port()})
	guest := n.token("guest", func(s *auth.Seat) { s.Publish = false })
	for _, id := range []string{"ann", "bob"} {
		layers := threeSizes(t)
		if id == "bob" { // to be told from ann's
			for _, l := range layers {
				for _, unit := range l.Video {
					for i := len(unit) - 16; i < len(unit); i++ {
						unit[i] |= 0x80
					}
				}
			}
		}
		rtctest.Publish(t, direct, n.token(id), rtctest.Options{NoAudio: true, Layers: layers})
	}
	eventually(t, "both publish", func() bool { return n.metric("publishers") == 2 })
	socket := n.join(guest)
	socket.want("bob/video", "ann/video")
	seen := newMarks()
	rtctest.Subscribe(t, direct+"/subscribe", guest, rtctest.Options{Slots: 2, H264Only: true, OnPacket: seen.take})
	shows := func(want ...byte) func() bool { return func() bool { return slices.Equal(seen.shown(), want) } }
	eventually(t, "bob's is raised", shows(0x11, 0xA2))
	socket.send(`{"type":"PREFER","payload":{"participantId":"bob","maxWidth":320,"maxHeight":180}}`)
	eventually(t, "ann's is raised", shows(0x22, 0x91))
}
