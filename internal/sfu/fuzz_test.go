package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// FuzzUpWrite feeds an Up with a stream of anything: each packet is two bytes of length and as many bytes.
func FuzzUpWrite(f *testing.F) {
	frame := func(packets ...[]byte) (all []byte) {
		for _, p := range packets {
			all = append(binary.BigEndian.AppendUint16(all, uint16(len(p))), p...)
		}
		return all
	}
	ext := wire(3, 1, true, "")
	ext[0] |= 0x10
	f.Add(frame(append(ext, 0xBE, 0xDE, 0, 1, 0x50, 30, 0, 0)), uint8(5))
	two := wire(4, 1, true, "")
	two[0] |= 0x10
	f.Add(frame(append(two, 0x10, 0, 0, 2, 1, 0, 5, 1, 30, 0, 0, 9)), uint8(5))
	f.Add(frame(wire(65535, 1, false, sps), padding(0, 1), wire(2, 1, false, idr), wire(1, 1, true, slice)), uint8(0))
	f.Add(frame(wire(1, 1, false, sps), wire(30_000, 2, false, slice), wire(30_001, 2, false, sps)), uint8(0))
	f.Add(frame(wire(1, 1, false, "\x78\x00\x01\x67\x00\x00"), wire(2, 1, false, "\x7C\x85")), uint8(0))
	f.Fuzz(func(t *testing.T, in []byte, id uint8) {
		for _, kind := range []Kind{Video, Audio} {
			b := newBench(kind)
			b.up = NewUp(UpOptions{Kind: kind, AudioLevelID: id, KeyFrame: func() { b.asked++ }, Now: b.now})
			d, s := b.down(kind)
			d.Attach(b.up)
			written := uint64(0)
			for rest := in; len(rest) >= 2; {
				n := min(int(binary.BigEndian.Uint16(rest)), len(rest)-2)
				b.up.Write(rest[2:2+n], b.now())
				rest = rest[2+n:]
				written++
				b.add(10 * time.Millisecond)
			}
			st := b.up.Stats()
			if st.Packets+st.Invalid+st.Dropped > written+1 || st.Packets+st.Invalid+st.Dropped < written {
				t.Errorf("%d packets, %+v", written, st)
			}
			if st.AudioLevel != NoAudioLevel && (st.AudioLevel > 0 || st.AudioLevel < -127) {
				t.Errorf("level %d", st.AudioLevel)
			}
			if l := b.up.loud.last(b.now()); l > 0 || l < Inaudible {
				t.Errorf("loudness %d", l)
			}
			late, again := b.down(kind)
			late.Attach(b.up)
			d.Nack([]uint16{uint16(d.highest), uint16(d.highest - 1)})
			if len(s.take()) > int(st.Packets)+2 || len(again.take()) > maxReplay {
				t.Error("more came out than went in")
			}
		}
	})
}

// FuzzAudioLevel reads a level out of any header extension as pion does.
func FuzzAudioLevel(f *testing.F) {
	f.Add(false, []byte{0x50, 0x80 | 42, 0, 0}, uint8(5))
	f.Add(false, []byte{0, 0x10, 0xAA, 0x50, 30, 0x50, 31, 0}, uint8(5))
	f.Add(false, []byte{0xF0, 0, 0x50, 30}, uint8(5))
	f.Add(true, []byte{1, 0, 5, 1, 30, 0, 0, 0}, uint8(5))
	f.Add(true, []byte{5, 255, 1, 1}, uint8(5))
	f.Fuzz(func(t *testing.T, twoByte bool, extension []byte, id uint8) {
		extension = extension[:min(len(extension), 400)/4*4]
		profile := uint16(0xBEDE)
		if twoByte {
			profile = 0x1000
		}
		b := wire(1, 1, false, "")
		b[0] |= 0x10
		b = append(b, byte(profile>>8), byte(profile), 0, byte(len(extension)/4))
		b = append(append(b, extension...), "opus"...)
		v, ok := parse(b, id)
		if !ok || string(v.payload) != "opus" {
			t.Fatalf("the packet does not come through: %v %q", ok, v.payload)
		}
		if v.level < noLevel || v.level > 255 {
			t.Errorf("level %d", v.level)
		}
		var h rtp.Header
		if _, err := h.Unmarshal(b); err != nil || v.level == noLevel {
			return // pion is stricter with what stands behind the level
		}
		if e := h.GetExtension(id); len(e) == 0 || int16(e[0]) != v.level {
			t.Errorf("level %d, pion reads %v", v.level, e)
		}
	})
}

// FuzzNack asks for anything, before, in and after a stream with gaps and a switch.
func FuzzNack(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0xFF, 0xFF, 0x80, 0})
	f.Add([]byte{0x7F, 0xFF, 0, 5, 0, 5, 0, 5})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(Audio)
		d, s := b.down(Audio)
		d.Nack([]uint16{1})
		sent := map[uint16]out{}
		for turn := range 2 {
			u := b.newUp(Audio)
			d.Attach(u)
			clear(sent)
			for i := range uint16(audioSlots + 50) {
				if i%7 != 3 {
					u.Write(wire(i+60_000, uint32(i)*960, false, string(rune('a'+turn))), b.now())
				}
			}
			for _, o := range s.take() {
				sent[o.seq] = o
			}
		}
		base := uint16(d.highest) // so that small numbers hit
		var asked []uint16
		for ; len(in) >= 2; in = in[2:] {
			asked = append(asked, base-binary.BigEndian.Uint16(in))
		}
		d.Nack(asked)
		got := s.take()
		if len(got) > maxRepairs || len(got) > len(asked) {
			t.Fatalf("%d answers to %d", len(got), len(asked))
		}
		for _, o := range got {
			if sent[o.seq] != o {
				t.Errorf("answered %+v, sent was %+v", o, sent[o.seq])
			}
		}
	})
}
