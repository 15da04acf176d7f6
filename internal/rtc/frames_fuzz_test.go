package rtc

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/media"
)

// packetsOf cuts fuzz data into pieces, each behind its length.
func packetsOf(b []byte) (out [][]byte) {
	for len(b) >= 2 {
		n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
		out = append(out, b[2:2+n])
		b = b[2+n:]
	}
	return out
}

func pieces(list ...[]byte) (b []byte) {
	for _, p := range list {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
	}
	return b
}

var (
	fuzzSPS = []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	fuzzPPS = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	fuzzIDR = append([]byte{0x65, 0x88, 0x84, 0x0A}, bytes.Repeat([]byte{7}, 60)...)
	fuzzP   = append([]byte{0x41, 0x9A, 0x24, 0x6C}, bytes.Repeat([]byte{9}, 30)...)
)

func stapA(nals ...[]byte) []byte { return append([]byte{0x78}, pieces(nals...)...) }

// FuzzH264Depacketizer lets anything come as packets of a video track. Each piece's first byte makes the
// packet: marker, gap before it, new picture.
func FuzzH264Depacketizer(f *testing.F) {
	f.Add(pieces(append([]byte{4}, stapA(fuzzSPS, fuzzPPS)...), append([]byte{1}, fuzzIDR...), append([]byte{5}, fuzzP...)))
	f.Add(pieces(append([]byte{4}, stapA(fuzzSPS, fuzzPPS)...), append([]byte{0, 0x7C, 0x85}, fuzzIDR[1:30]...), append([]byte{0, 0x7C, 0x05}, fuzzIDR[30:40]...),
		append([]byte{1, 0x7C, 0x45}, fuzzIDR[40:]...), append([]byte{7}, fuzzP...)))
	f.Add(pieces(append([]byte{4}, fuzzSPS...), append([]byte{0}, fuzzPPS...), []byte{0, 9, 0xF0}, []byte{0, 6, 1, 2, 3}, append([]byte{1}, fuzzIDR...)))
	f.Add(pieces([]byte{0, 0x7C, 0x45, 1}, []byte{1, 0x78, 0, 9}, []byte{1}, []byte{4, 0x1D, 1, 2}, []byte{3, 0x78}))
	f.Fuzz(func(t *testing.T, data []byte) {
		now := clipStart
		r := newRig(t, FramesOptions{})
		v := r.pub.Track(Track{Kind: Video, ClockRate: 90000}, r.peer).(*videoSink)
		p := rtpPacket{}
		for _, b := range packetsOf(data) {
			if len(b) == 0 {
				continue
			}
			now = now.Add(10 * time.Millisecond)
			p.seq++
			p.marker, p.gap, p.payload, p.arrived = b[0]&1 != 0, b[0]&2 != 0, b[1:], now
			if b[0]&4 != 0 {
				p.timestamp += 3000
			}
			v.takePacket(p)
		}
		vs, _ := r.end()
		for i, f := range vs {
			if i == 0 && !f.Key {
				t.Error("the first frame is no key frame")
			}
			key, slices := false, 0
			for b := f.Payload; len(b) > 0; {
				n := int(binary.BigEndian.Uint32(b))
				if n == 0 || n > len(b)-4 {
					t.Fatalf("a NAL unit of %d bytes in %d", n, len(b)-4)
				}
				kind := b[4] & 0x1F
				if kind < nalSlice || kind > nalSEI {
					t.Errorf("a NAL unit of type %d", kind)
				}
				if kind != nalSEI {
					slices++
				}
				key = key || kind == nalIDR
				b = b[4+n:]
			}
			if slices == 0 || key != f.Key {
				t.Errorf("%d slices, key %v, marked %v", slices, key, f.Key)
			}
			if tr := f.Track; tr.Width <= 0 || tr.Height <= 0 || len(tr.Config) < 11 || tr.Codec != media.H264 {
				t.Errorf("track %+v", tr)
			}
		}
	})
}

// FuzzReorder: three bytes are a packet, its number less 65,500 and how many milliseconds pass before it.
func FuzzReorder(f *testing.F) {
	f.Add([]byte{0, 0, 5, 0, 1, 5, 0, 2, 5})
	f.Add([]byte{0, 0, 5, 0, 2, 5, 0, 1, 5, 0, 1, 5, 0, 3, 5})
	f.Add([]byte{0, 30, 5, 0, 38, 5, 0, 40, 90, 0, 41, 90, 0, 39, 1, 90, 0, 9})
	f.Add([]byte{0, 9, 5, 0, 8, 5, 0, 30, 5, 7, 7, 7, 0, 9, 1})
	f.Add([]byte{0, 37, 48, 0, 5, 48})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReorder(16, 50*time.Millisecond)
		now := clipStart
		sent := map[uint16]bool{}
		last, begun := uint16(0), false
		take := func(p *rtpPacket) {
			if !sent[p.seq] || len(p.payload) != int(p.seq%7) {
				t.Fatalf("packet %d with %d bytes was never sent", p.seq, len(p.payload))
			}
			if begun && !p.gap && p.seq != last+1 {
				t.Fatalf("%d follows %d without a gap", p.seq, last)
			}
			if ahead := int16(p.seq - last); begun && ahead <= 0 && ahead > -32 {
				t.Fatalf("%d follows %d", p.seq, last)
			}
			last, begun = p.seq, true
		}
		check := func() {
			held := 0
			for i := range r.slots {
				if r.slots[i].full {
					held++
					if now.Sub(r.slots[i].arrived) > 50*time.Millisecond*17 {
						t.Fatal("a packet is held for long")
					}
				}
			}
			if held != r.held {
				t.Fatalf("%d held, counted %d", held, r.held)
			}
		}
		for ; len(data) >= 3; data = data[3:] {
			now = now.Add(time.Duration(data[2]) * time.Millisecond)
			p := rtpPacket{seq: binary.BigEndian.Uint16(data) + 65500, arrived: now}
			p.payload = make([]byte, p.seq%7)
			sent[p.seq] = true
			if r.add(&p) {
				take(&p)
			}
			for {
				p, ok := r.pop(now)
				if !ok {
					break
				}
				take(&p)
			}
			check()
		}
		for now = now.Add(time.Second); r.held > 0; {
			p, ok := r.pop(now)
			if !ok {
				t.Fatalf("%d packets stay", r.held)
			}
			take(&p)
		}
		if r.bytes != 0 {
			t.Errorf("%d bytes are counted of nothing", r.bytes)
		}
	})
}

// FuzzRTPHeader compares with what another parser reads.
func FuzzRTPHeader(f *testing.F) {
	plain := []byte{0x80, 0xE6, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3}
	f.Add(plain)
	f.Add(append([]byte{0x91, 0x66, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0}, 1, 2, 3))
	f.Add(append([]byte{0xB0, 0x66, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 2, 1, 2, 7, 7, 0, 0, 0, 0}, 1, 2, 3, 0, 0, 3))
	f.Add([]byte{0xA0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 200})
	f.Add([]byte{0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parseRTP(b)
		var other rtp.Packet
		// The other parser reads extensions, too, and is the stricter for it.
		if len(b) < 12 || b[0]>>6 != 2 || other.Unmarshal(b) != nil {
			return
		}
		if !ok {
			t.Fatalf("refused: %+v", other.Header)
		}
		if p.seq != other.SequenceNumber || p.timestamp != other.Timestamp || p.marker != other.Marker || p.payloadType != other.PayloadType || !bytes.Equal(p.payload, other.Payload) {
			t.Errorf("read as %+v, by the other as %+v", p, other)
		}
	})
}

// FuzzOpus holds that our idea of a packet's validity is what the packager shares.
func FuzzOpus(f *testing.F) {
	f.Add([]byte{0xF8, 0xFF, 0xFE})
	f.Add([]byte{0x7B, 0x06, 1})
	f.Add([]byte{0x1B, 0x02})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isOpus(b) {
			return
		}
		n := opusFrame(b[0])
		switch b[0] & 3 {
		case 1, 2:
			n *= 2
		case 3:
			n *= int(b[1] & 0x3F)
		}
		if n < 20 || n > 960 {
			t.Errorf("a packet of %v ms", float64(n)/8)
		}
	})
}
