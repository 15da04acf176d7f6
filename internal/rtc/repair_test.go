package rtc

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// TestARepairGoesOnTheRepairStream: an old packet, its number before its payload, between trains; its own stream is not
// touched.
func TestARepairGoesOnTheRepairStream(t *testing.T) {
	w := newWorld(t, nil)
	d, client := newListener(t, w, srtp.ProtectionProfileAeadAes128Gcm)
	v := d.senders[1]
	h := rtp.Header{SequenceNumber: 0xABCD, Timestamp: 9, Marker: true}
	write := func(how func(*rtp.Header, []byte) error) {
		t.Helper()
		if err := how(&h, []byte("media")); err != nil {
			t.Fatal(err)
		}
	}
	write(v.WriteRTP)
	write(v.WriteRepair)
	v.Room(time.Now(), 0)
	v.pad(1)
	write(v.WriteRepair)
	got := client.hear(4)
	for i, p := range got[1:] {
		if p.SSRC != v.rtxSSRC || p.PayloadType != v.rtx || p.SequenceNumber != uint16(i+1) {
			t.Errorf("packet %d of the repair stream: %v", i, p)
		}
	}
	if p := got[0]; p.SSRC != v.ssrc || string(p.Payload) != "media" {
		t.Errorf("the packet itself: %v", p)
	}
	for _, i := range []int{1, 3} {
		if p := got[i]; string(p.Payload) != "\xAB\xCDmedia" || p.Timestamp != 9 || !p.Marker {
			t.Errorf("packet %d: %v %q", i, p, p.Payload)
		}
	}
	if len(got[3].GetExtension(v.number)) != 2 || len(got[1].GetExtension(v.number)) != 0 {
		t.Error("repairs are not numbered as the line is measured")
	}
	if big := make([]byte, maxPacket-rtpHeaderSize-extensionSize-sealSize); v.WriteRepair(&h, big) == nil {
		t.Error("a packet that is too large with its number was sent")
	}
}

// TestARepairWithoutARepairStreamIsTheSameToTheLastBit, since it is sealed with the same nonce.
func TestARepairWithoutARepairStreamIsTheSameToTheLastBit(t *testing.T) {
	w := newWorld(t, nil)
	d, client := newListener(t, w, srtp.ProtectionProfileAeadAes128Gcm)
	o, err := parseOffer(strings.ReplaceAll(offerText("recvonly"), "rtx/90000", "off/90000"), false)
	if err != nil {
		t.Fatal(err)
	}
	v := newSender(w.Server, &o.media[1])
	v.s, v.line = d.s, &line{now: time.Now, told: true}
	v.out.Store(d.senders[1].out.Load())
	if v.rtx != 0 || v.number == 0 {
		t.Fatalf("repair stream %d, numbers by %d", v.rtx, v.number)
	}
	write := func(seq uint16, how func(*rtp.Header, []byte) error) []byte {
		t.Helper()
		if err := how(&rtp.Header{SequenceNumber: seq, Timestamp: 9}, []byte("media")); err != nil {
			t.Fatal(err)
		}
		return client.sealed()
	}
	first := map[uint16][]byte{}
	for seq := uint16(65530); seq != 4; seq++ {
		if seq == 65533 {
			v.Room(time.Now(), 0) // from now on they are numbered
		}
		first[seq] = write(seq, v.WriteRTP)
	}
	for seq, was := range first {
		if again := write(seq, v.WriteRepair); !bytes.Equal(was, again) {
			t.Errorf("packet %d: %x became %x", seq, was, again)
		}
	}
	for seq := uint16(4); seq < 4+maxRemembered; seq++ {
		write(seq, v.WriteRTP)
	}
	if v.WriteRepair(&rtp.Header{SequenceNumber: 3}, []byte("media")) == nil {
		t.Error("a packet was sent again of which nobody knows how it was")
	}
}
