package sfu

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAViewerOfLayersSeesNoSeam: whatever is lost and turned round on the way in, lost on the way out, and however
// often the choice changes, a subscriber who asks for what it lacks has numbers without a hole but the encodings' own,
// each change begins with a key frame, and time goes on.
func TestAViewerOfLayersSeesNoSeam(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newCast()
		for _, e := range c.layers {
			e.seq = rapid.Uint16().Draw(r, "first number")
			e.ts = rapid.Uint32().Draw(r, "first time")
		}
		d, s := c.down(nil)
		d.Follow(c.source)
		d.chooser.limit = 1
		v := &viewer{d: d, slip: s, got: map[int64]out{}}
		lost := [3]map[int]bool{{}, {}, {}}
		hear := func(lossy bool) {
			var kept []out
			for _, o := range s.take() {
				if len(v.got) == 0 || !lossy || rapid.IntRange(0, 9).Draw(r, "lost on the way out") > 0 {
					kept = append(kept, o)
				}
			}
			v.hear(kept)
		}
		asked := [3]int{}
		for i := range c.layers {
			c.report(i)
		}
		for range rapid.IntRange(20, 80).Draw(r, "pictures") {
			if rapid.IntRange(0, 7).Draw(r, "another wish") == 0 {
				d.Prefer(rapid.SampledFrom([]int{1, 720 * 360, 0}).Draw(r, "limit"))
			}
			type sent struct {
				layer int
				b     []byte
			}
			var line []sent
			for i, e := range c.layers {
				key := c.frame == 0 || e.asked > asked[i] && rapid.Bool().Draw(r, "key now")
				if key {
					asked[i] = e.asked
				}
				for n := range rapid.IntRange(1, 3).Draw(r, "packets") {
					kind := slice
					if key && n == 0 {
						kind = sps
					}
					b := wire(e.seq, e.ts, false, payloadOf(kind, i, c.frame, e.sent))
					if c.frame > 0 && rapid.IntRange(0, 9).Draw(r, "lost on the way in") == 0 {
						lost[i][e.sent] = true
					} else {
						line = append(line, sent{i, b})
					}
					e.seq++
					e.sent++
				}
				e.ts += 3000
			}
			for range rapid.IntRange(0, 2).Draw(r, "turned round") {
				if len(line) > 1 {
					i := rapid.IntRange(0, len(line)-2).Draw(r, "which")
					line[i], line[i+1] = line[i+1], line[i]
				}
			}
			for _, p := range line {
				c.layers[p.layer].up.Write(p.b, c.now())
			}
			hear(true)
			c.pass()
			d.Nack(v.missing(uint16(d.highest)))
			hear(false)
		}
		low := v.next - int64(v.span()) + 1
		last, gap := v.got[low], 0
		for num := low + 1; num <= v.next; num++ {
			o, ok := v.got[num]
			if !ok {
				gap++
				continue
			}
			if int32(o.ts-last.ts) < 0 {
				r.Fatalf("time goes back from %+v to %+v", last, o)
			}
			if o.layer() == last.layer() {
				if o.nth() != last.nth()+gap+1 {
					r.Fatalf("%d packets are missing between %+v and %+v", gap, last, o)
				}
			} else if o.payload[:1] != sps {
				r.Fatalf("%+v follows %+v", o, last)
			} else if o.ts == last.ts {
				r.Fatalf("two pictures have one time: %+v, %+v", last, o)
			}
			for ; gap > 0; gap-- {
				n := last.nth() + gap
				if !lost[last.layer()][n] {
					r.Fatalf("packet %d of %d never came, before %+v", n, last.layer(), o)
				}
			}
			last = o
		}
	})
}

// TestLayersAllAtOnce lets a publisher of three encodings write while subscribers come, change their minds, ask and
// go: no number is given to two packets.
func TestLayersAllAtOnce(t *testing.T) {
	source := NewSource()
	var ups []*Up
	for i := range 3 {
		u := NewUp(UpOptions{Kind: Video, KeyFrame: func() {}})
		u.size.packed.Store(uint64(i+1)<<32 | 1)
		ups = append(ups, u)
		source.Add(u, nil)
	}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for seq, now := uint16(65_000), time.Now(); ; seq++ {
			select {
			case <-stop:
				return
			default:
			}
			now = now.Add(time.Millisecond) // faster than it is: looks come often
			for i, u := range ups {
				kind := slice
				if seq%50 == uint16(i) {
					kind = sps
				}
				u.Write(wire(seq, uint32(seq/3)*3000, false, payloadOf(kind, i, int(seq), int(seq))), now)
			}
			if seq%500 == 0 {
				ups[seq/500%3].SenderReport(uint64(seq)<<32, uint32(seq/3)*3000, now)
			}
		}
	})
	for i := range 6 {
		readers.Go(func() {
			for round := range 10 {
				c := &checker{t: t, seen: map[uint16]out{}}
				d := NewDown(DownOptions{Kind: Video}, c)
				d.Follow(source)
				for j := range 6 {
					d.Prefer([]int{1, 2, 0}[(i+j)%3])
					d.KeyFrame()
					for d.Stats().Packets < uint64(60*(j+1)) {
						d.mu.Lock()
						newest := uint16(d.highest)
						d.mu.Unlock()
						d.Nack([]uint16{newest, newest - 10, newest - 60, uint16(round)})
						runtime.Gosched()
					}
				}
				d.Close()
				if n := len(c.seen); n == 0 {
					t.Error("nothing came")
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writers.Wait()
	source.Close()
	for _, u := range ups {
		if n := u.Stats().Downs; n != 0 {
			t.Errorf("%d Downs are left", n)
		}
	}
}

// warmLayers makes a Source in full flow with n Downs, and a function that writes the next packet of each encoding.
func warmLayers(n int, line Line) ([]*Down, func()) {
	source := NewSource()
	var ups []*Up
	at := time.Now()
	now := func() time.Time { return at }
	for i := range 3 {
		u := NewUp(UpOptions{Kind: Video, Now: now})
		u.size.packed.Store(uint64(i+1)<<32 | 1)
		ups = append(ups, u)
		source.Add(u, nil)
	}
	downs := make([]*Down, n)
	for i := range downs {
		downs[i] = NewDown(DownOptions{Kind: Video, Line: line, Now: now}, hole{})
		downs[i].Follow(source)
	}
	b := wire(0, 0, false, string(make([]byte, 1188)))
	b[12] = sps[0]
	seq := uint16(0)
	next := func() {
		b[2], b[3] = byte(seq>>8), byte(seq)
		at = at.Add(3700 * time.Microsecond)
		for _, u := range ups {
			u.Write(b, at)
		}
		b[12] = slice[0]
		seq++
	}
	for range 2 * videoSlots {
		next()
	}
	return downs, next
}

func TestNothingIsAllocatedPerPacketOfLayers(t *testing.T) {
	downs, next := warmLayers(10, &room{})
	before := downs[0].Stats().Packets
	if n := testing.AllocsPerRun(3000, next); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	if n := downs[0].Stats().Packets - before; n < 3000 {
		t.Errorf("%d packets went out", n)
	}
}

func TestThePictureSizeIsRead(t *testing.T) {
	set := []byte{ // x264 of 640×360, baseline
		0x67, 0x42, 0xC0, 0x1E, 0xD9, 0x00, 0xA0, 0x2F, 0xF9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01,
		0x00, 0x00, 0x03, 0x00, 0x3C, 0x0F, 0x16, 0x2E, 0x48,
	}
	stap := slices.Concat([]byte{nalSTAPA, 0, 2, 0x09, 0xF0, 0, byte(len(set))}, set)
	for name, payload := range map[string][]byte{"alone": set, "in a STAP-A": stap} {
		var s size
		s.learn(payload)
		if w, h := s.sides(); w != 640 || h != 360 {
			t.Errorf("%s: %d×%d", name, w, h)
		}
		if n := testing.AllocsPerRun(100, func() { s.learn(payload) }); n != 0 {
			t.Errorf("%s: %v allocations for what is known", name, n)
		}
	}
	var s size
	for n := range len(stap) {
		s.learn(stap[:n])
	}
	s.learn([]byte{0x67, 0xFF})
	if s.pixels() != 0 {
		t.Errorf("nonsense has %d pixels", s.pixels())
	}
}
