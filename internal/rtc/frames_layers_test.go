package rtc

import (
	"cmp"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// layer is one encoding of a simulcast as a client sends it.
type layer struct {
	rid, size string
	gop       string        // in pictures; default 15
	base      uint32        // of RTP time: each has its own
	lag       time.Duration // how much later than its time it comes
	from, to  time.Duration // sent only then; zero: always
	gap       [2]time.Duration
	video     []coded
}

func (l *layer) ssrc() uint32 { return uint32(l.rid[0]) }

// sendLayers sends encodings side by side, with sound, and a sender report of each every second from a time on.
func (r *layeredRig) sendLayers(t *testing.T, length string, layers []*layer, reported time.Duration) {
	t.Helper()
	type told struct {
		wire
		of *layer // nil: sound
	}
	var all []told
	for _, l := range layers {
		l.video, _ = encodeWHIP(t, "", length, "-s", l.size, "-g", cmp.Or(l.gop, "15"))
		p := &packetizer{seq: 100, base: l.base}
		next := reported
		for _, c := range l.video {
			if c.at < l.from || l.to > 0 && c.at >= l.to || c.at >= l.gap[0] && c.at < l.gap[1] {
				continue
			}
			for _, w := range p.picture(c) {
				binary.BigEndian.PutUint32(w.data[8:], l.ssrc())
				w.at += l.lag
				all = append(all, told{w, l})
				if c.at >= next {
					next += time.Second
					all = append(all, told{wire{kind: Video, at: w.at, report: true, rtp: w.rtp, ntp: ntpOf(c.at)}, l})
				}
			}
		}
	}
	_, audio := encodeWHIP(t, "", length)
	p := &packetizer{base: 77}
	for _, c := range audio {
		all = append(all, told{p.packet(Audio, c.at, false, c.packet), nil})
	}
	slices.SortStableFunc(all, func(a, b told) int { return int(a.at - b.at) })
	sinks := map[*layer]Sink{}
	for _, w := range all {
		if w.of == nil {
			r.send([]wire{w.wire})
			continue
		}
		r.advance(w.at)
		s := sinks[w.of]
		if s == nil {
			s = r.pub.Track(Track{Kind: Video, RID: w.of.rid, SSRC: w.of.ssrc(), PayloadType: videoType, ClockRate: 90000}, r)
			sinks[w.of] = s
		}
		if w.report {
			s.SenderReport(w.ntp, w.rtp, r.now)
		} else {
			s.Write(w.data, r.now)
		}
	}
}

// byTrack ends the stream and sorts its pictures by track.
func (r *layeredRig) byTrack() map[int][]*media.Frame {
	r.stream.Close()
	out := map[int][]*media.Frame{}
	for {
		fs, err := r.reader.Next(r.t.Context())
		if err != nil {
			return out
		}
		for _, f := range fs {
			if list := out[f.Track.ID]; len(list) > 0 && f.DTS <= list[len(list)-1].DTS {
				r.t.Errorf("track %d: frame at %v after one at %v", f.Track.ID, f.DTS, list[len(list)-1].DTS)
			}
			out[f.Track.ID] = append(out[f.Track.ID], f)
		}
	}
}

// layeredRig is a rig of a simulcast. It is its own Peer, and notes when which key frames are asked for.
type layeredRig struct {
	*rig
	asked map[time.Time][]uint32
}

func newLayeredRig(t *testing.T, offered int) *layeredRig {
	r := &layeredRig{newRig(t, FramesOptions{}), map[time.Time][]uint32{}}
	r.pub.layers.offered = offered
	return r
}

func (r *layeredRig) KeyFrame(ssrc uint32) { r.asked[r.now] = append(r.asked[r.now], ssrc) }
func (r *layeredRig) Close(error)          {}

func TestLayersAreTracksInTheOrderOfTheirSizesOnOneClock(t *testing.T) {
	r := newLayeredRig(t, 3)
	r.sendLayers(t, "6", []*layer{
		{rid: "q", size: "160x90", base: 1000, lag: 3 * time.Millisecond},
		{rid: "f", size: "640x360", base: 1<<32 - 5000, lag: 31 * time.Millisecond},
		{rid: "h", size: "320x180", base: 777777, lag: 14 * time.Millisecond},
	}, 300*time.Millisecond)
	tracks := r.byTrack()
	best := map[time.Duration]bool{} // times of the largest, and whether they are key frames
	for i, width := range []int{640, 320, 160} {
		list := tracks[media.FirstVideo+i]
		if len(list) < 130 {
			t.Fatalf("%d wide: %d pictures", width, len(list))
		}
		for n, f := range list {
			if f.Track.Width != width || f.Track.Height != width*9/16 {
				t.Fatalf("track %d is %dx%d", f.Track.ID, f.Track.Width, f.Track.Height)
			}
			if i == 0 {
				best[f.PTS] = f.Key
			} else if key, ok := best[f.PTS]; !ok || key != f.Key {
				t.Fatalf("%d wide: picture %d at %v (key %v) has no counterpart", width, n, f.PTS, f.Key)
			}
		}
		if first := list[0]; !first.Key || first.PTS != tracks[media.FirstVideo][0].PTS {
			t.Errorf("%d wide begins at %v (key %v), the largest at %v", width, first.PTS, first.Key, tracks[media.FirstVideo][0].PTS)
		}
	}
}

func TestKeyFramesOfAllLayersAreAskedForAtOnce(t *testing.T) {
	r := newLayeredRig(t, 2)
	r.sendLayers(t, "10", []*layer{
		{rid: "a", size: "320x180", base: 1, gop: "75", gap: [2]time.Duration{3 * time.Second, 8 * time.Second}},
		{rid: "b", size: "160x90", base: 2, gop: "75"},
	}, 200*time.Millisecond)
	both, alone := 0, 0
	for at, list := range r.asked {
		switch off := at.Sub(clipStart); {
		case off > 500*time.Millisecond && off < 3*time.Second:
			if both++; len(list) != 2 {
				t.Errorf("at %v %c were asked", off, list)
			}
		case off > 4100*time.Millisecond && off < 8*time.Second:
			if alone++; len(list) != 1 || list[0] != 'b' {
				t.Errorf("at %v, with one layer silent, %c were asked", off, list)
			}
		}
	}
	if both == 0 || alone == 0 {
		t.Errorf("asked %d times for both, %d for one", both, alone)
	}
}

func TestALayerThatStopsComesBackInStep(t *testing.T) {
	r := newLayeredRig(t, 2)
	r.sendLayers(t, "8", []*layer{
		{rid: "a", size: "320x180", base: 1, gap: [2]time.Duration{2 * time.Second, 6 * time.Second}},
		{rid: "b", size: "160x90", base: 2, lag: 9 * time.Millisecond},
	}, 200*time.Millisecond)
	tracks := r.byTrack()
	small := map[time.Duration]bool{}
	for _, f := range tracks[media.FirstVideo+1] {
		small[f.PTS] = true
	}
	jumps := 0
	for i, f := range tracks[media.FirstVideo] {
		if !small[f.PTS] {
			t.Fatalf("picture %d at %v has no counterpart", i, f.PTS)
		}
		if i == 0 {
			continue
		}
		if step := f.PTS - tracks[media.FirstVideo][i-1].PTS; step > time.Second {
			if jumps++; (step-4*time.Second).Abs() > 100*time.Millisecond || !f.Key {
				t.Errorf("a silence of %v, key %v", step, f.Key)
			}
		}
	}
	if jumps != 1 {
		t.Errorf("%d silences", jumps)
	}
	if n := len(small); n < 215 {
		t.Errorf("%d pictures of the layer that went on", n)
	}
}

// A client that knows nothing of its bandwidth begins with the smallest.
func TestLayersThatComeLateAreTheLargest(t *testing.T) {
	r := newLayeredRig(t, 3)
	r.sendLayers(t, "9", []*layer{
		{rid: "q", size: "160x90", base: 1000},
		{rid: "h", size: "320x180", base: 777777, from: 4 * time.Second, lag: 12 * time.Millisecond},
		{rid: "f", size: "640x360", base: 5000, from: 6 * time.Second, lag: 20 * time.Millisecond},
	}, 200*time.Millisecond)
	tracks := r.byTrack()
	for i, width := range []int{640, 320, 160} {
		list := tracks[media.FirstVideo+i]
		if len(list) == 0 || list[0].Track.Width != width || !list[0].Key {
			t.Fatalf("track %d has %d pictures, want some of width %d", media.FirstVideo+i, len(list), width)
		}
	}
	if first := tracks[media.FirstVideo+2][0]; first.Arrived.Sub(clipStart) > 3*time.Second {
		t.Errorf("the smallest begins after %v", first.Arrived.Sub(clipStart))
	}
}

// A camera that is muted stops all layers while the sound goes on.
func TestAPauseOfAllLayersIsBridged(t *testing.T) {
	r := newLayeredRig(t, 2)
	pause := [2]time.Duration{2 * time.Second, 5 * time.Second}
	r.sendLayers(t, "7", []*layer{
		{rid: "a", size: "320x180", base: 1, gap: pause},
		{rid: "b", size: "160x90", base: 2, gap: pause},
	}, 200*time.Millisecond)
	for id, list := range r.byTrack() {
		if id >= media.FirstAudio {
			continue
		}
		for i := 1; i < len(list); i++ {
			if step := list[i].PTS - list[i-1].PTS; step > stillAfter+stillEvery {
				t.Errorf("track %d: nothing for %v", id, step)
			}
		}
	}
}
