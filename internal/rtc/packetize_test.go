package rtc

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/media"
)

// readBack is a Sink that puts frames together again.
type readBack struct {
	t       testing.TB
	unit    h264Depacketizer
	seq     uint16
	begun   bool
	packets []rtpPacket
	frames  [][]byte
	keys    []bool
	reports []report
}

func (r *readBack) Write(b []byte, arrived time.Time) {
	p, ok := parseRTP(bytes.Clone(b))
	if !ok || len(b) > rtpPacketSize || len(p.payload) == 0 {
		r.t.Fatalf("packet of %d bytes", len(b))
	}
	if r.begun && p.seq != r.seq+1 {
		r.t.Fatalf("packet %d after %d", p.seq, r.seq)
	}
	r.begun, r.seq, p.arrived = true, p.seq, arrived
	r.packets = append(r.packets, p)
	if r.unit.open && p.timestamp != r.unit.timestamp {
		r.t.Fatal("a frame without a marker")
	}
	r.unit.add(&p)
	if p.marker {
		if !r.unit.finish() {
			r.t.Fatal("a frame is broken")
		}
		r.frames, r.keys = append(r.frames, bytes.Clone(r.unit.buf)), append(r.keys, r.unit.key)
	}
}

func (r *readBack) SenderReport(ntp uint64, stamp uint32, _ time.Time) {
	r.reports = append(r.reports, report{true, time.Duration(ntp>>32)*time.Second + time.Duration(uint64(uint32(ntp))*uint64(time.Second)>>32), stamp})
}

func (r *readBack) Close() {}

// lengths writes NAL units as frames have them.
func lengths(nals ...[]byte) (b []byte) {
	for _, n := range nals {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
	}
	return b
}

func nal(kind byte, size int) []byte {
	return append([]byte{0x60 | kind}, bytes.Repeat([]byte{kind, 1, 2, 3, 5}, size/5+1)[:size-1]...)
}

// avcRecord is a decoder configuration.
func avcRecord(sps, pps [][]byte) []byte {
	b := []byte{1, 0x42, 0xC0, 0x28, 0xFF, 0xE0 | byte(len(sps))}
	for _, s := range sps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	b = append(b, byte(len(pps)))
	for _, s := range pps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b
}

func pictureTrack(sps, pps [][]byte) *media.Track {
	return &media.Track{ID: media.FirstVideo, Kind: media.Video, Codec: media.H264, Config: avcRecord(sps, pps), SPS: sps[0], PPS: pps[0]}
}

func TestFramesComeOutOfTheirPacketsAsTheyWere(t *testing.T) {
	track := pictureTrack([][]byte{fuzzSPS}, [][]byte{fuzzPPS})
	r := &readBack{t: t}
	p := NewPacketizer(Video, time.Unix(1_700_000_000, 0), r)
	var want [][]byte
	for i, size := range []int{2, 1000, rtpPayload - 1, rtpPayload, rtpPayload + 1, 2 * (rtpPayload - 2), 2*(rtpPayload-2) + 1, 2*(rtpPayload-2) + 2, 300_000} {
		kind := byte(nalSlice)
		if i%2 == 0 {
			kind = nalIDR
		}
		payload := lengths(nal(nalSEI, 30), nal(kind, size), nal(kind, size/2+1))
		want = append(want, payload)
		p.Write(&media.Frame{Track: track, PTS: time.Duration(i) * 40 * time.Millisecond, Key: kind == nalIDR, Payload: payload})
		if r.keys[i] != (kind == nalIDR) {
			t.Errorf("frame %d: key %v", i, r.keys[i])
		}
	}
	if diff := cmp.Diff(want, r.frames); diff != "" {
		t.Error(diff)
	}
	if first := r.packets[0].payload; !bytes.Equal(first, stapA(fuzzSPS, fuzzPPS)) {
		t.Errorf("a key frame begins with % x", first)
	}
	stamps := map[uint32]bool{}
	for _, packet := range r.packets {
		stamps[packet.timestamp-r.packets[0].timestamp] = true
	}
	for i := range want {
		if !stamps[uint32(i)*3600] {
			t.Errorf("no packet has the time of frame %d", i)
		}
	}
}

func TestAllParameterSetsComeBeforeAKeyFrame(t *testing.T) {
	long := append([]byte{0x68}, bytes.Repeat([]byte{0xCB}, 1300)...)
	second := []byte{0x28, 0x4B, 0x83}
	for name, c := range map[string]struct {
		sps, pps [][]byte
		kinds    []byte // of the first packets
	}{
		"in one packet":     {[][]byte{fuzzSPS}, [][]byte{fuzzPPS, second}, []byte{nalSTAPA, nalIDR}},
		"too long for one":  {[][]byte{fuzzSPS}, [][]byte{fuzzPPS, long}, []byte{nalSPS, nalPPS, nalFUA, nalFUA, nalIDR}},
		"together too long": {[][]byte{fuzzSPS}, [][]byte{long[:1000], long[:1001]}, []byte{nalSPS, nalPPS, nalPPS, nalIDR}},
	} {
		r := &readBack{t: t}
		p := NewPacketizer(Video, time.Unix(0, 0), r)
		track := pictureTrack(c.sps, c.pps)
		for i := range 2 { // each time
			p.Write(&media.Frame{Track: track, PTS: time.Duration(i) * time.Second, Key: true, Payload: lengths(nal(nalIDR, 100))})
			var kinds []byte
			for _, packet := range r.packets {
				kinds = append(kinds, packet.payload[0]&0x1F)
			}
			r.packets = nil
			if !bytes.Equal(kinds, c.kinds) {
				t.Errorf("%s: packets of %d", name, kinds)
			}
		}
	}
	r := &readBack{t: t}
	p := NewPacketizer(Video, time.Unix(0, 0), r)
	p.Write(&media.Frame{Track: &media.Track{Codec: media.H264, SPS: fuzzSPS, PPS: fuzzPPS, Config: []byte{1, 2, 3, 4, 5, 0xE1, 0, 99, 1}}, Key: true, Payload: lengths(nal(nalIDR, 9))})
	if !bytes.Equal(r.packets[0].payload, stapA(fuzzSPS, fuzzPPS)) {
		t.Errorf("of a configuration that is none: % x", r.packets[0].payload)
	}
}

// Sound and picture of one time have reports of one line.
func TestTracksOfOneOriginAreInStep(t *testing.T) {
	origin := time.Unix(1_700_000_000, 250_000_000)
	pictures, sound := &readBack{t: t}, &readBack{t: t}
	v, a := NewPacketizer(Video, origin, pictures), NewPacketizer(Audio, origin, sound)
	track := pictureTrack([][]byte{fuzzSPS}, [][]byte{fuzzPPS})
	opus := opusTrack()
	for i := range 100 {
		at := time.Duration(i) * 20 * time.Millisecond
		v.Write(&media.Frame{Track: track, PTS: at, Key: i == 0, Payload: lengths(nal(nalIDR, 50))})
		sound.unit = h264Depacketizer{} // it is none
		a.Write(&media.Frame{Track: opus, PTS: at + 7*time.Millisecond, Payload: []byte{0xF8, 0xFF, 0xFE}})
	}
	if n := len(pictures.reports); n != 4 || len(sound.reports) != n {
		t.Fatalf("%d and %d reports in two seconds", n, len(sound.reports))
	}
	for i := range pictures.reports {
		when := time.Duration(origin.Unix()+2_208_988_800)*time.Second + 250*time.Millisecond + time.Duration(i)*500*time.Millisecond
		for name, got := range map[string]report{"pictures": pictures.reports[i], "sound": sound.reports[i]} {
			want, rate, first := when, uint32(90_000), pictures.packets[0].timestamp
			if name == "sound" {
				want, rate, first = when+7*time.Millisecond, 48_000, sound.packets[0].timestamp
			}
			if off := got.ntp - want; off.Abs() > time.Microsecond || got.rtp-first != uint32(i)*rate/2 {
				t.Errorf("%s, report %d: %v off, timestamp %d", name, i, off, got.rtp-first)
			}
		}
	}
	if p := sound.packets[1]; p.marker || p.timestamp-sound.packets[0].timestamp != 960 || !bytes.Equal(p.payload, []byte{0xF8, 0xFF, 0xFE}) {
		t.Errorf("sound %+v", p)
	}
}

// drain is a Sink that keeps nothing.
type drain struct{ packets int }

func (d *drain) Write([]byte, time.Time)                { d.packets++ }
func (d *drain) SenderReport(uint64, uint32, time.Time) {}
func (d *drain) Close()                                 {}

func packetizing() (write func(), d *drain) {
	track := pictureTrack([][]byte{fuzzSPS}, [][]byte{fuzzPPS})
	d = &drain{}
	p := NewPacketizer(Video, time.Unix(0, 0), d)
	f := &media.Frame{Track: track, Key: true, Payload: lengths(nal(nalIDR, 40_000), nal(nalIDR, 900))}
	return func() {
		f.PTS += 33 * time.Millisecond
		p.Write(f)
	}, d
}

func TestPacketizingAllocatesNothing(t *testing.T) {
	write, _ := packetizing()
	write()
	if n := testing.AllocsPerRun(100, write); n != 0 {
		t.Errorf("%v allocations for each frame", n)
	}
}

func BenchmarkPacketize(b *testing.B) {
	write, d := packetizing()
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(d.packets), "ns/packet")
}

// FuzzPacketizer makes frames of anything: what is one comes back as it was, and what is none does no harm.
func FuzzPacketizer(f *testing.F) {
	f.Add(pieces(fuzzIDR, fuzzP), avcRecord([][]byte{fuzzSPS}, [][]byte{fuzzPPS}), 1)
	f.Add(pieces(bytes.Repeat(fuzzIDR, 60), []byte{6, 5, 1, 1}, fuzzP), []byte{1, 2, 3, 4, 5, 0xE1, 0, 1, 7, 1, 0, 2, 8, 8}, 1900)
	f.Add([]byte{0, 0, 0, 9, 1}, []byte{1, 0, 0, 0, 0, 0xE9, 0, 0}, 0)
	f.Fuzz(func(t *testing.T, data, config []byte, scale int) {
		track := &media.Track{Codec: media.H264, SPS: fuzzSPS, PPS: fuzzPPS, Config: config}
		scale = max(scale, 0)%3000 + 1
		var nals [][]byte
		key := false
		for _, b := range packetsOf(data) {
			if len(b) == 0 {
				continue
			}
			b = bytes.Repeat(b, 1+scale/len(b))
			b[0] = b[0]&0x60 | ((b[0]&0x1F)%6 + 1) // slices and SEI, which stay in frames
			key = key || b[0]&0x1F == nalIDR
			nals = append(nals, b)
		}
		if len(nals) > 0 {
			r := &readBack{t: t}
			p := NewPacketizer(Video, time.Unix(0, 0), r)
			want := lengths(nals...)
			p.Write(&media.Frame{Track: track, Key: key, Payload: want})
			if len(r.frames) != 1 || !bytes.Equal(r.frames[0], want) {
				t.Fatalf("%d frames of %d bytes came back", len(r.frames), len(want))
			}
		}
		NewPacketizer(Video, time.Unix(0, 0), &drain{}).Write(&media.Frame{Track: track, Key: key, Payload: data})
	})
}
