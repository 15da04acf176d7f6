package rtc

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestReceiverReport(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	r := reception{clock: 90000}
	// 100 packets, 10 ms apart, from just before a wrap of the sequence number; every tenth is lost.
	for i := range 100 {
		if i%10 == 9 {
			continue
		}
		r.packet(uint16(65500+i), uint32(i*900), at.Add(time.Duration(i)*10*time.Millisecond))
	}
	r.report(0x0123456789abcdef, at)
	b := r.block(7, at.Add(1500*time.Millisecond))
	if b.TotalLost != 9 || b.FractionLost != uint8(9*256/99) {
		t.Errorf("lost %d, fraction %d", b.TotalLost, b.FractionLost)
	}
	if want := uint32(1<<16 | (65500+98)&0xffff); b.LastSequenceNumber != want {
		t.Errorf("highest: got %#x, want %#x", b.LastSequenceNumber, want)
	}
	if b.Jitter != 0 {
		t.Errorf("jitter of a steady stream: %d", b.Jitter)
	}
	if b.LastSenderReport != 0x456789ab || b.Delay != 3*65536/2 {
		t.Errorf("LSR %#x, DLSR %d", b.LastSenderReport, b.Delay)
	}
	if b = r.block(7, at.Add(2*time.Second)); b.FractionLost != 0 || b.TotalLost != 9 {
		t.Errorf("an interval without packets: fraction %d, lost %d", b.FractionLost, b.TotalLost)
	}
	for i := range 200 { // 20 ms too late, every other one
		late := time.Duration(i%2) * 20 * time.Millisecond
		r.packet(uint16(65600+i), uint32((100+i)*900), at.Add(time.Duration(100+i)*10*time.Millisecond+late))
	}
	if b = r.block(7, at); b.Jitter < 1600 || b.Jitter > 1900 {
		t.Errorf("jitter: got %d, want about 1800 (20 ms)", b.Jitter)
	}
}

func TestNacker(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	n := nacker{wanted: true}
	for _, seq := range []uint16{65533, 65534, 2, 3, 30} { // 65535, 0, 1 and 4…29 are missing
		n.arrived(seq, at)
	}
	if pairs := n.due(at); len(pairs) != 0 {
		t.Errorf("asked at once, though they may only be late: %v", pairs)
	}
	n.arrived(0, at)
	at = at.Add(nackWait)
	asked := map[uint16]bool{}
	for _, p := range n.due(at) {
		for _, seq := range p.PacketList() {
			asked[seq] = true
		}
	}
	if len(asked) != 28 || !asked[65535] || asked[0] || !asked[1] || !asked[4] || !asked[29] || asked[30] {
		t.Errorf("asked for %v", asked)
	}
	if pairs := n.due(at); len(pairs) != 0 {
		t.Errorf("asked again at once: %v", pairs)
	}
	at = at.Add(nackAgain)
	if pairs := n.due(at); len(pairs) == 0 {
		t.Error("never asked again")
	}
	if n.due(at.Add(nackPatience + time.Millisecond)); len(n.missing) != 0 {
		t.Errorf("%d packets are still waited for", len(n.missing))
	}
	n.arrived(31+maxMissing+1, at)
	if len(n.missing) != 0 {
		t.Error("a jump was taken for a loss")
	}
	for seq := uint16(1000); seq < 3000; seq += 2 {
		n.arrived(seq, at)
	}
	if len(n.missing) > maxMissing {
		t.Errorf("%d packets are remembered", len(n.missing))
	}
}

func TestRepairedPacketIsTheLostOne(t *testing.T) {
	lost := rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: 108, SequenceNumber: 500, Timestamp: 9, SSRC: 3312}, Payload: []byte{1, 2, 3, 4}}
	if err := lost.Header.SetExtension(3, []byte{7, 7}); err != nil {
		t.Fatal(err)
	}
	want, err := lost.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again := lost
	again.PayloadType, again.SSRC, again.SequenceNumber = 109, 3313, 77
	again.Payload = append([]byte{500 >> 8, 500 & 0xff}, lost.Payload...)
	track := &uptrack{m: &offered{format: format{pt: 108}}, ssrc: 3312}
	for _, pad := range []byte{0, 5} {
		again.Header.Padding, again.PaddingSize = pad > 0, pad
		b, err := again.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got := track.repair(b); !bytes.Equal(got, want) {
			t.Errorf("with %d bytes of padding: got %x, want %x", pad, got, want)
		}
	}
	again.Payload, again.Header.Padding, again.PaddingSize = nil, true, 200
	b, err := again.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got := track.repair(b); got != nil {
		t.Errorf("a probe became the packet %x", got)
	}
}

func FuzzRepair(f *testing.F) {
	f.Add([]byte{0xb0, 109, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x30, 7, 0, 0, 1, 244, 1, 2, 3, 1})
	f.Add([]byte{0xaf, 109, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		track := &uptrack{m: &offered{format: format{pt: 108}}, ssrc: 3312}
		var h rtp.Header
		n, err := h.Unmarshal(b)
		if head, tail := packetBounds(b); err == nil && tail > head && head != n {
			t.Fatalf("the payload begins at %d, not %d", n, head)
		}
		if got := track.repair(b); got != nil && err == nil {
			if _, err := h.Unmarshal(got); err != nil || h.SSRC != 3312 || h.PayloadType != 108 || h.Padding {
				t.Fatalf("got %+v, %v", h, err)
			}
		}
	})
}
