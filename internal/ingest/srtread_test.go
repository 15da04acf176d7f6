package ingest

import (
	"io"
	"slices"
	"testing"

	srt "github.com/datarhei/gosrt"
	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"

	"github.com/streamcat/streamcat/internal/media"
)

// scriptedSRT is a connection that gives packets and then the encoder's goodbye.
type scriptedSRT struct {
	srt.Conn
	packets []packet.Packet
}

func (c *scriptedSRT) ReadPacket() (packet.Packet, error) {
	if len(c.packets) == 0 {
		return nil, io.EOF
	}
	p := c.packets[0]
	c.packets = c.packets[1:]
	return p, nil
}

// srtPackets puts pieces of b into packets with consecutive numbers.
func srtPackets(b []byte, piece int, key packet.PacketEncryption) (list []packet.Packet) {
	for data := range slices.Chunk(b, piece) {
		p := packet.NewPacket(nil)
		p.SetData(data)
		p.Header().PacketSequenceNumber = circular.New(uint32(len(list)), packet.MAX_SEQUENCENUMBER)
		p.Header().KeyBaseEncryptionFlag = key
		list = append(list, p)
	}
	return list
}

// readSRT gives the frames that become of packets.
func readSRT(t *testing.T, encrypted bool, packets []packet.Packet) []*media.Frame {
	t.Helper()
	s := media.NewStream()
	got := record(s)
	c := &caller{
		server: NewSRT(SRTDeps{}), conn: &scriptedSRT{packets: packets}, encrypted: encrypted, stream: s, ts: newTSReader(s),
	}
	if err := c.read(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	frames, err := got.all(t)
	if err != io.EOF {
		t.Fatal(err)
	}
	return frames
}

// Who agreed on encryption, and sends in clear all the same, sends nothing.
func TestClearPacketsOfEncryptedCallersAreNotTaken(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	for _, c := range []struct {
		encrypted bool
		key       packet.PacketEncryption
		taken     bool
	}{{false, packet.UnencryptedPacket, true}, {true, packet.OddKeyEncrypted, true}, {true, packet.UnencryptedPacket, false}} {
		if n := len(readSRT(t, c.encrypted, srtPackets(b, 1316, c.key))); n > 100 != c.taken || n > 0 != c.taken {
			t.Errorf("%+v: %d frames", c, n)
		}
	}
}

// Sixteen packets of one kind look like none to their counter: what SRT says is missing counts.
func TestWhatSRTLostNeverShows(t *testing.T) {
	packets := srtPackets(transport(t, with(tsPicture, tsTone)...), tsPacket, packet.UnencryptedPacket)
	sent, _ := split(readSRT(t, false, slices.Clone(packets)))
	packets = srtPackets(transport(t, with(tsPicture, tsTone)...), tsPacket, packet.UnencryptedPacket)
	seen := 0
	packets = slices.DeleteFunc(packets, func(p packet.Packet) bool {
		b := p.Data()
		if b[1]&0x1F != 1 || b[2] != 0 || b[3]&0x10 == 0 { // ffmpeg's video is on PID 0x100
			return false
		}
		seen++
		return seen > 30 && seen <= 46
	})
	got, _ := split(readSRT(t, false, packets))
	if len(got) == len(sent) {
		t.Fatal("nothing is missing")
	}
	for i, missed := range missing(t, sent, got) {
		if missed && !got[i].Key {
			t.Errorf("picture %d follows lost ones and is no key frame", i)
		}
	}
}
