package rtc

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// FuzzHeaderExtensions has a client with three encodings, whose keys are good, send packets with any bytes for their header
// extensions: each packet is given to an encoding that was offered, or to nobody, and never ends another one's. One of sound is sound, whatever it says.
func FuzzHeaderExtensions(f *testing.F) {
	f.Add(uint16(0xBEDE), []byte{0xA0, 'l', 0, 0}, uint8(0))
	f.Add(uint16(0xBEDE), []byte{0xA0, 'h', 0xB0, 'l', 0x30, 1, 2, 0xF0}, uint8(1))
	f.Add(uint16(0xBEDE), []byte{0xAF, 'l', 'l', 'l'}, uint8(0))
	f.Add(uint16(0x1000), []byte{10, 1, 'l', 11, 0, 0, 0, 0}, uint8(1))
	f.Add(uint16(0x1000), []byte{10, 255, 'l', 0}, uint8(0))
	f.Add(uint16(0), []byte{1, 2, 3, 4}, uint8(0))
	f.Add(uint16(0xBEDE), []byte{0x10, 0x80 | 30, 0, 0}, uint8(2))
	f.Add(uint16(0x1000), []byte{1, 0, 1, 1}, uint8(2))
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, profile uint16, extension []byte, repair uint8) {
		o, err := parseOffer(simulcastText(), true)
		if err != nil {
			t.Fatal(err)
		}
		o.takeSimulcast()
		sink := &layersSink{came: map[string]*layerSink{}}
		u := newUpstream(w.Server, o, sink)
		now := time.Now()
		u.start(&session{srv: w.Server, port: w.port, began: now, ending: make(chan struct{})})
		ours, theirs := benchKeys(srtp.ProtectionProfileAeadAes128Gcm)
		if err := u.connected(ours); err != nil {
			t.Fatal(err)
		}
		out, err := theirs.outward()
		if err != nil {
			t.Fatal(err)
		}
		video := u.tracks[slices.IndexFunc(u.tracks, func(t *uptrack) bool { return t.rid != "" })].m
		extension = extension[:min(len(extension), 400)/4*4]
		pt := video.format.pt
		sound := repair == 2
		if sound { // which says how loud it is
			pt = u.tracks[slices.IndexFunc(u.tracks, func(t *uptrack) bool { return t.m.kind == Audio })].m.format.pt
		}
		if repair%2 == 1 && video.rtx != 0 {
			pt = video.rtx
		}
		for seq := range uint16(3) {
			plain := []byte{0x90, pt, byte(seq >> 8), byte(seq), 0, 0, 0, 1, 0, 0, 0, 7, byte(profile >> 8), byte(profile), 0, byte(len(extension) / 4)}
			plain = append(append(plain, extension...), 0, 1, 0x65, 1, 2, 3)
			var h rtp.Header
			if _, err := h.Unmarshal(plain); err != nil {
				return // it does not get as far as this
			}
			pk := packet{at: now}
			sealed, err := out.EncryptRTP(pk.buf[:0], plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			pk.n = len(sealed)
			u.rtp(&pk)
		}
		if sound {
			if l := sink.came[""]; len(sink.came) != 1 || l == nil || l.n != 3 || l.track.AudioLevelID == 0 {
				t.Errorf("the sound comes as %v", sink.came)
			}
			return
		}
		for rid := range sink.came {
			if rid != "l" && rid != "m" && rid != "h" {
				t.Errorf("an encoding %q came that was not offered", rid)
			}
		}
		if plain := repair%2 == 0 && profile == 0xBEDE && string(extension) == "\xA0l\x00\x00"; plain && (sink.came["l"] == nil || sink.came["l"].n != 3) {
			t.Errorf("packets that say what they are do not come: %v", sink.came)
		}
		if len(sink.came) > 1 {
			t.Errorf("one SSRC is %d encodings", len(sink.came))
		}
	})
}
