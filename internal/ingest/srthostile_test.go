package ingest

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// rawCaller speaks as much SRT as there is before a connection.
type rawCaller struct {
	t      *testing.T
	nc     net.Conn
	socket uint32 // the server's, as its newest answer said
}

func dialSRT(t *testing.T, addr string) *rawCaller {
	t.Helper()
	nc, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &rawCaller{t: t, nc: nc}
}

// handshake is a handshake packet (draft-sharabayko-srt-01 §3.2.1) with extensions behind it.
func handshake(kind, mtu, cookie uint32, extensions ...byte) []byte {
	b := make([]byte, 64)
	b[0] = 0x80 // a control packet; of type 0, to nobody
	h := b[16:]
	binary.BigEndian.PutUint32(h, 5)
	if kind == conclusion {
		binary.BigEndian.PutUint16(h[6:], 5) // extensions follow: handshake, stream id
	} else {
		binary.BigEndian.PutUint32(h, 4)
		binary.BigEndian.PutUint16(h[6:], 2)
	}
	binary.BigEndian.PutUint32(h[8:], 1)
	binary.BigEndian.PutUint32(h[12:], mtu)
	binary.BigEndian.PutUint32(h[16:], 8192)
	binary.BigEndian.PutUint32(h[20:], kind)
	binary.BigEndian.PutUint32(h[24:], 0x1234)
	binary.BigEndian.PutUint32(h[28:], cookie)
	return append(b, extensions...)
}

const (
	induction  = 1
	conclusion = 0xFFFFFFFF
)

// extensions are those that a caller needs: what it can do, and the stream id.
func extensions(id string) []byte {
	b := []byte{0, 1, 0, 3, 0, 1, 5, 1, 0, 0, 0, 0x3F, 0, 120, 0, 120}
	for len(id)%4 != 0 {
		id += "\x00"
	}
	b = append(b, 0, 5, 0, byte(len(id)/4))
	for i := 0; i < len(id); i += 4 {
		b = append(b, id[i+3], id[i+2], id[i+1], id[i])
	}
	return b
}

// ask sends a packet and gives the kind and the cookie of the handshake that answers it.
func (c *rawCaller) ask(b []byte) (kind, cookie uint32) {
	c.t.Helper()
	c.nc.SetDeadline(time.Now().Add(patience))
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
	in := make([]byte, 1500)
	for {
		n, err := c.nc.Read(in)
		if err != nil {
			c.t.Fatal(err)
		}
		if n >= 64 && in[0] == 0x80 && in[1] == 0 {
			c.socket = binary.BigEndian.Uint32(in[40:])
			return binary.BigEndian.Uint32(in[36:]), binary.BigEndian.Uint32(in[44:])
		}
	}
}

func TestHostileHandshakesAreSurvived(t *testing.T) {
	s := startSRT(t, nil)
	conclude := func(extensions ...byte) func(uint32) []byte {
		return func(cookie uint32) []byte { return handshake(conclusion, 1500, cookie, extensions...) }
	}
	plain := func(b []byte) func(uint32) []byte { return func(uint32) []byte { return b } }
	for name, make := range map[string]func(cookie uint32) []byte{
		"nothing":                    plain(nil),
		"one byte":                   plain([]byte{0x80}),
		"a header alone":             plain(handshake(induction, 1500, 0)[:16]),
		"half an induction":          plain(handshake(induction, 1500, 0)[:40]),
		"an extension of one byte":   conclude(0),
		"an extension of two bytes":  conclude(0, 1),
		"an extension cut short":     conclude(extensions(goodKey)[:9]...),
		"a stream id cut short":      conclude(extensions(goodKey)[:27]...),
		"a rest after the stream id": conclude(append(extensions(goodKey), 1, 2, 3)...),
		"a key of no length":         conclude(append(extensions(goodKey), 0, 3, 0, 0)...),
		"a cookie of its own":        func(cookie uint32) []byte { return handshake(conclusion, 1500, cookie+1, extensions(goodKey)...) },
	} {
		t.Run(name, func(t *testing.T) {
			c := dialSRT(t, s.addr)
			_, cookie := c.ask(handshake(induction, 1500, 0))
			if _, err := c.nc.Write(make(cookie)); err != nil {
				t.Fatal(err)
			}
			if kind, _ := dialSRT(t, s.addr).ask(handshake(induction, 1500, 0)); kind != induction {
				t.Errorf("the next caller was answered with %d", kind)
			}
		})
	}
	if s.gate.asked() != 0 {
		t.Error("the gate was asked")
	}
}

// Buffers are made of what the caller says of its packets.
func TestImpossiblePacketSizesAreRefused(t *testing.T) {
	s := startSRT(t, nil)
	for _, mtu := range []uint32{0, 1, 43, 44, 60, 1501} {
		c := dialSRT(t, s.addr)
		_, cookie := c.ask(handshake(induction, 1500, 0))
		if kind, _ := c.ask(handshake(conclusion, mtu, cookie, extensions(goodKey)...)); kind != 1004 {
			t.Errorf("packets of %d bytes: answered with %d, want 1004", mtu, kind)
		}
	}
	if s.gate.asked() != 0 {
		t.Error("the gate was asked")
	}
}

func TestRefusalsSayWhyOnTheWire(t *testing.T) {
	s := startSRT(t, nil)
	for id, want := range map[string]uint32{
		"":                                   1400,
		"#!:{r=x}":                           1400,
		"sk_us-east-1_othersecretsecret":     1404,
		"read:" + goodKey:                    1405,
		"#!::r=" + goodKey + ",m=request":    1405,
		"#!::m=publish":                      1400,
		"#!::r=" + goodKey + ",t=auth":       1415,
		"#!::r=othersecretsecret,m=publish":  1404,
		goodKey + "?priority=no":             1400,
		"%23!::r%3D" + goodKey + "%2Cm%3Drw": 1405,
	} {
		c := dialSRT(t, s.addr)
		_, cookie := c.ask(handshake(induction, 1500, 0))
		if kind, _ := c.ask(handshake(conclusion, 1500, cookie, extensions(id)...)); kind != want {
			t.Errorf("%q: answered with %d, want %d", id, kind, want)
		}
	}
}

// Whoever is let in and then says nothing gives its place back.
func TestSilentCallerIsGivenUp(t *testing.T) {
	s := startSRT(t, func(d *SRTDeps) { d.Timeouts.Handshake = 300 * time.Millisecond })
	c := dialSRT(t, s.addr)
	_, cookie := c.ask(handshake(induction, 1500, 0))
	if kind, _ := c.ask(handshake(conclusion, 1500, cookie, extensions(goodKey+"?priority=7")...)); kind != conclusion {
		t.Fatalf("answered with %d", kind)
	}
	a := s.gate.next(t)
	if a.Priority != 7 || a.Key != goodKey {
		t.Errorf("publisher: %+v", a.Publisher)
	}
	if _, err := a.frames.all(t); err != errLost {
		t.Errorf("end: %v", err)
	}
}

func TestTooManyCallersAreRefused(t *testing.T) {
	hold := make(chan struct{})
	s := startSRT(t, func(d *SRTDeps) {
		d.MaxHandshakes = 1
		d.Gates = []media.Gate{onAdmit{d.Gates[0], func() { <-hold }}}
	})
	ask := func() *rawCaller { return dialSRT(t, s.addr) }
	first, second := ask(), ask()
	_, cookie := first.ask(handshake(induction, 1500, 0))
	if _, err := first.nc.Write(handshake(conclusion, 1500, cookie, extensions(goodKey)...)); err != nil {
		t.Fatal(err)
	}
	b := handshake(conclusion, 1500, 0, extensions(goodKey)...)
	_, cookie = second.ask(handshake(induction, 1500, 0))
	binary.BigEndian.PutUint32(b[40:], 0x4321) // a socket of its own
	binary.BigEndian.PutUint32(b[44:], cookie)
	if kind, _ := second.ask(b); kind != 1005 {
		t.Errorf("answered with %d, want 1005", kind)
	}
	close(hold)
}

func FuzzSRTStreamID(f *testing.F) {
	for _, s := range []string{
		goodKey, "publish:" + goodKey, "read:x", "#!::r=" + goodKey + ",m=publish", "#!::m=request,r=a", "#!:{}", "%23!::r%3Dx",
		"a?priority=7", "#!::r=a?priority=7,t=stream", "", "#!::", ",,,=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, r := parseSRTID(s)
		if r != nil {
			if id != (srtID{}) || srtCodes[r.label] == 0 {
				t.Fatalf("%+v, refused as %q", id, r.label)
			}
			return
		}
		if id.key == "" || len(id.key) > len(s) || len(s) > srtMaxStreamID || id.priority < 0 {
			t.Fatalf("%q became %+v", s, id)
		}
	})
}

func FuzzTransportStream(f *testing.F) {
	packet := func(pid uint16, b ...byte) []byte {
		p := append([]byte{tsSync, 0x40 | byte(pid>>8), byte(pid), 0x10}, b...)
		for len(p) < tsPacket {
			p = append(p, 0xFF)
		}
		return p
	}
	section := func(b ...byte) []byte {
		b[2] = byte(len(b) + 1)
		crc := mpegCRC(b)
		return append(append([]byte{0}, b...), byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	}
	pat := packet(0, section(0, 0xB0, 0, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0)...)
	pmt := packet(0x1000, section(2, 0xB0, 0, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0,
		tsH264, 0xE1, 0, 0xF0, 0, tsAAC, 0xE1, 1, 0xF0, 0)...)
	hevc := packet(0x1000, section(2, 0xB0, 0, 0, 1, 0xC3, 0, 0, 0xE1, 0, 0xF0, 0,
		tsHEVC, 0xE1, 0, 0xF0, 0, tsPrivate, 0xE1, 1, 0xF0, 10, 5, 4, 'O', 'p', 'u', 's', 0x7F, 2, 0x80, 2)...)
	pes := append([]byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1, 0, 0, 1}, sps180...)
	pes = append(append(append(pes, 0, 0, 1), pps...), 0, 0, 1)
	video := packet(0x100, append(pes, idr...)...)
	sound := packet(0x101, 0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1, 0xFF, 0xF1, 0x4C, 0x80, 1, 0x7F, 0xFC, 1, 2, 3, 4)
	opus := packet(0x101, 0, 0, 1, 0xBD, 0, 13, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1, 0x7F, 0xE0, 3, 0xF8, 0xFF, 0xFE)
	f.Add(join(pat, pmt, video, sound, video), 1316)
	f.Add(join(pat, hevc, video, opus, video), 100)
	f.Add(join([]byte("garbage\x47"), pat, pmt, video[:50], video), 7)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		if len(b) > 1<<16 {
			return
		}
		frames, r, err := demux(t, b, max(piece&0xFFFF, 1))
		bytes, last := 0, map[int]time.Duration{}
		for _, f := range frames {
			bytes += len(f.Payload)
			before, ok := last[f.Track.ID]
			if len(f.Payload) == 0 || ok && f.DTS <= before || f.Track.RFC6381() == "" {
				t.Fatalf("frame %+v after %v", f, before)
			}
			last[f.Track.ID] = f.DTS
		}
		if bytes > 4*len(b) || len(r.rest) >= tsPacket {
			t.Fatalf("%d bytes out of %d, %d kept; %v", bytes, len(b), len(r.rest), err)
		}
	})
}
