package rtc

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// BenchmarkFrames takes a second of a real stream per operation, packet by packet, and reports what a
// packet costs and allocates.
func BenchmarkFrames(b *testing.B) {
	video, audio := encodeWHIP(b, "", "4", "-b:v", "2500k", "-g", "60")
	all := broadcast(video, audio)
	pub := &framesOf{stream: media.NewStream(), o: NewFrames(nil, FramesOptions{}).(*frames).o}
	peer := &fakePeer{}
	sinks := map[Kind]Sink{
		Video: pub.Track(Track{Kind: Video, PayloadType: videoType, ClockRate: 90000}, peer),
		Audio: pub.Track(Track{Kind: Audio, PayloadType: audioType, ClockRate: 48000}, peer),
	}
	var seq [3]uint16
	round, n := time.Duration(0), 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range all {
			w := &all[i]
			seq[w.kind]++
			w.data[2], w.data[3] = byte(seq[w.kind]>>8), byte(seq[w.kind])
			rate := uint64(90000)
			if w.kind == Audio {
				rate = 48000
			}
			rtp := uint32(uint64(round+w.at) * rate / uint64(time.Second))
			w.data[4], w.data[5], w.data[6], w.data[7] = byte(rtp>>24), byte(rtp>>16), byte(rtp>>8), byte(rtp)
			sinks[w.kind].Write(w.data, clipStart.Add(round+w.at))
		}
		round += 4 * time.Second
		n += len(all)
	}
	frames, _ := pub.stream.Written()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
	b.ReportMetric(float64(frames)/float64(b.N), "frames/op")
}

// Packets cost no memory but their frames' own.
func TestPacketsAllocateNothing(t *testing.T) {
	r := newRig(t, FramesOptions{})
	r.reader.Close()
	v := r.pub.Track(Track{Kind: Video, PayloadType: videoType, ClockRate: 90000}, r.peer)
	p := packetizer{base: 1}
	at := time.Duration(0)
	send := func(marker bool, b []byte) {
		w := p.packet(Video, at, marker, b)
		v.Write(w.data, clipStart.Add(at))
	}
	send(false, stapA(fuzzSPS, fuzzPPS))
	send(true, fuzzIDR)
	// A picture in 100 fragments.
	var picture [][]byte
	body := make([]byte, 1000)
	for i := range 100 {
		head := []byte{0x5C, 0x01}
		if i == 0 {
			head[1] |= 0x80
		}
		if i == 99 {
			head[1] |= 0x40
		}
		picture = append(picture, p.packet(Video, 0, i == 99, append(head, body...)).data)
	}
	seq, rtp := p.seq-100, uint32(1)
	round := func() {
		at += 33 * time.Millisecond
		rtp += 2970
		for i, b := range picture {
			if i%10 == 3 { // some in disorder
				continue
			}
			stamp(b, seq+uint16(i), rtp)
			v.Write(b, clipStart.Add(at))
			if i%10 == 4 {
				stamp(picture[i-1], seq+uint16(i-1), rtp)
				v.Write(picture[i-1], clipStart.Add(at))
			}
		}
		seq += 100
	}
	for range 256 { // every slot of the reorder buffer has had its turn
		round()
	}
	before, _ := r.stream.Written()
	allocs := testing.AllocsPerRun(50, round)
	after, _ := r.stream.Written()
	if after-before != 51 {
		t.Fatalf("%d frames", after-before)
	}
	if allocs > 2 {
		t.Errorf("%v allocations for a frame of 100 packets", allocs)
	}
}

func stamp(b []byte, seq uint16, rtp uint32) {
	b[2], b[3] = byte(seq>>8), byte(seq)
	b[4], b[5], b[6], b[7] = byte(rtp>>24), byte(rtp>>16), byte(rtp>>8), byte(rtp)
}
