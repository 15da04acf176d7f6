package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestNackIsAnsweredByTheSubscribersNumbers(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(9, 0, "old")
	second := b.newUp(Audio)
	d.Attach(second)
	for i := range uint16(5) {
		if i != 3 {
			second.Write(wire(65534+i, uint32(i), i == 1, fmt.Sprint(i)), b.now())
		}
	}
	sent := got.take()[1:]
	first := sent[0].seq
	for name, c := range map[string]struct {
		ask  []uint16
		want []string
	}{
		"the first and the last":           {[]uint16{first, first + 4}, []string{"0", "4"}},
		"one before the switch":            {[]uint16{first - 1}, nil},
		"one that never came":              {[]uint16{first + 3}, nil},
		"one that is yet to come":          {[]uint16{first + 5}, nil},
		"one of long ago":                  {[]uint16{first - 30_000}, nil},
		"the same three times":             {[]uint16{first + 1, first + 1, first + 1}, []string{"1"}},
		"nothing":                          {nil, nil},
		"one good among many bad, in turn": {[]uint16{first + 9, first + 2, first - 9}, []string{"2"}},
	} {
		before := d.Stats()
		d.Nack(c.ask)
		p := got.take()
		wantPayloads(t, p, append([]string{}, c.want...)...)
		for _, o := range p {
			for _, s := range sent {
				if s.payload == o.payload && s != o {
					t.Errorf("%s: %+v was sent again as %+v", name, s, o)
				}
			}
		}
		s := d.Stats()
		if int(s.Retransmitted-before.Retransmitted) != len(c.want) || int(s.NotAnswered-before.NotAnswered) != len(c.ask)-len(c.want) {
			t.Errorf("%s: stats %+v", name, s)
		}
	}
	second.Write(wire(1, 3, false, "3"), b.now()) // late
	wantPayloads(t, got.take(), "3")
	b.add(repairPause - 1)
	d.Nack([]uint16{first + 1, first + 3})
	wantPayloads(t, got.take(), "3")
	b.add(1)
	d.Nack([]uint16{first + 1, first + 3})
	wantPayloads(t, got.take(), "1")
}

func TestTheRingForgets(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	for i := range uint16(audioSlots + 1) {
		b.write(i, uint32(i), fmt.Sprint(i))
	}
	sent := got.take()
	d.Nack([]uint16{sent[0].seq, sent[1].seq})
	wantPayloads(t, got.take(), "1")
}

func TestAStormOfNacksIsBounded(t *testing.T) {
	b := newBench(Video)
	d, got := b.down(Video)
	d.Attach(b.up)
	b.write(0, 0, sps)
	b.many(1, 899)
	var all []uint16
	for _, o := range got.take() {
		all = append(all, o.seq)
	}
	for range 10 {
		d.Nack(all)
		b.add(time.Minute)
	}
	if n := len(got.take()); n != maxRepairs {
		t.Errorf("%d after nothing else for long, want %d", n, maxRepairs)
	}
	b.many(900, 90)
	got.take()
	d.Nack(all)
	if n := len(got.take()); n != 30 {
		t.Errorf("%d after 90 packets more, want 30", n)
	}
	b.many(990, 1000)
	got.take()
	all = all[:0]
	for i := range uint16(900) {
		all = append(all, uint16(d.highest)-i)
	}
	d.Nack(all)
	if n := len(got.take()); n != maxRepairs {
		t.Errorf("%d after very many more, want %d", n, maxRepairs)
	}
}

func TestAPacketIsSentAgainLessAndLessOften(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(0, 0, "x")
	seq := got.take()[0].seq
	began := b.now()
	var at []time.Duration
	for range 10_000 {
		d.Nack([]uint16{seq})
		if len(got.take()) > 0 {
			at = append(at, b.now().Sub(began)/time.Millisecond)
		}
		b.add(time.Millisecond)
	}
	if want := []time.Duration{0, 20, 60, 140, 300, 620, 1260, 2540}; !slices.Equal(at, want) {
		t.Errorf("sent at %v ms, want %v", at, want)
	}
}

func TestACrowdCausesOneRequest(t *testing.T) {
	b := newBench(Video)
	slips := make([]*slip, 50)
	for i := range slips {
		var d *Down
		d, slips[i] = b.down(Video)
		d.Attach(b.up)
		d.KeyFrame()
	}
	if b.asked != 1 {
		t.Fatalf("asked %d times", b.asked)
	}
	b.add(keyFrameInterval - 1)
	b.write(1, 1, slice)
	if b.asked != 1 {
		t.Fatalf("asked %d times within the interval", b.asked)
	}
	b.add(1)
	b.write(2, 2, slice)
	b.write(3, 3, slice)
	if b.asked != 2 {
		t.Fatalf("asked %d times, want once more since no key frame came", b.asked)
	}
	b.write(4, 4, sps)
	b.add(time.Minute)
	b.write(5, 5, slice)
	if b.asked != 2 {
		t.Fatalf("asked %d times, though all have a picture", b.asked)
	}
	for _, s := range slips {
		wantPayloads(t, s.take(), sps, slice)
	}
	if s := b.up.Stats(); s.KeyFramesAskedFor != 2 || s.KeyFrames != 1 || s.Downs != 50 {
		t.Errorf("stats %+v", s)
	}
}

func TestAWishWithinTheIntervalIsKept(t *testing.T) {
	b := newBench(Video)
	d, _ := b.down(Video)
	d.Attach(b.up)
	b.write(1, 1, sps)
	b.write(2, 2, slice)
	d.KeyFrame()
	b.add(keyFrameInterval)
	b.write(3, 3, slice)
	if b.asked != 2 {
		t.Errorf("asked %d times, want 2", b.asked)
	}
}

func TestNobodyToAsk(t *testing.T) {
	b := newBench(Video)
	u := NewUp(UpOptions{Kind: Video})
	d, got := b.down(Video)
	d.Attach(u)
	d.KeyFrame()
	u.Write(wire(1, 1, false, slice), time.Now())
	u.Write(wire(30_000, 1, false, slice), time.Now())
	u.Write(wire(30_001, 1, false, sps), time.Now())
	wantPayloads(t, got.take(), sps)
}

func TestALateJoinerIsGivenThePast(t *testing.T) {
	b := newBench(Video)
	early, _ := b.down(Video)
	early.Attach(b.up)
	b.write(1, 0, slice)
	b.write(2, 3200, sps)
	b.write(3, 3200, idr)
	b.write(5, 9600, slice+"2")
	b.write(4, 6400, slice+"1")
	b.add(40 * time.Millisecond)
	b.up.SenderReport(1, 9600, b.now())

	asked := b.asked
	d, got := b.down(Video)
	d.Attach(b.up)
	if b.asked != asked {
		t.Error("a key frame was asked for")
	}
	b.write(6, 12800, slice+"3")
	p := got.take()
	wantPayloads(t, p, sps, idr, slice+"1", slice+"2", slice+"3")
	wantContinuous(t, p)
	for i, want := range []uint32{0, 0, 100, 200, 3400} {
		if p[i].ts-p[0].ts != want {
			t.Errorf("%q is at +%d, want +%d", p[i].payload, p[i].ts-p[0].ts, want)
		}
	}
	if len(got.reports) != 1 || got.reports[0].ts != p[3].ts {
		t.Errorf("reports %+v", got.reports)
	}
	if s := d.Stats(); s.Replayed != 4 || s.Packets != 5 {
		t.Errorf("stats %+v", s)
	}
	d.Nack([]uint16{p[1].seq, p[2].seq})
	if again := got.take(); len(again) != 2 || again[0] != p[1] || again[1] != p[2] {
		t.Errorf("sent again %+v", again)
	}

	// From another source, the past comes after what was seen.
	b.add(time.Second)
	next := b.newUp(Video)
	next.Write(wire(50, 50_000, false, sps), b.now())
	next.Write(wire(51, 82_000, false, slice), b.now())
	d.Attach(next)
	q := got.take()
	wantPayloads(t, q, sps, slice)
	wantContinuous(t, append(p, q...))
	last := b.newUp(Video)
	d.Attach(last)
	last.Write(wire(9, 9, false, sps), b.now())
	wantPayloads(t, got.take(), sps)
	if q[1].ts-p[4].ts != 90_000 || q[1].ts-q[0].ts != 1000 {
		t.Errorf("timestamps %d, then %d and %d", p[4].ts, q[0].ts, q[1].ts)
	}
}

func TestAPastWithHolesIsNotGiven(t *testing.T) {
	for name, write := range map[string]func(b *bench){
		"none":     func(b *bench) { b.write(1, 1, slice) },
		"a hole":   func(b *bench) { b.write(1, 1, sps); b.write(3, 1, idr) },
		"too long": func(b *bench) { b.write(0, 1, sps); b.many(1, maxReplay) },
		"gone":     func(b *bench) { b.write(0, 1, sps); b.many(1, videoSlots) },
		"out of order in time": func(b *bench) {
			b.write(0, 6000, sps)
			b.write(1, 3000, slice)
		},
		"of an earlier time": func(b *bench) {
			b.write(0, 1, sps)
			b.write(30_000, 2, slice)
			b.write(30_001, 2, slice)
		},
	} {
		b := newBench(Video)
		write(b)
		b.add(keyFrameInterval)
		asked := b.asked
		d, got := b.down(Video)
		d.Attach(b.up)
		if p := got.take(); len(p) > 0 || b.asked != asked+1 {
			t.Errorf("%s: given %q, asked %d times", name, payloads(p), b.asked-asked)
		}
	}
}

// many writes n packets of one frame.
func (b *bench) many(seq uint16, n int) {
	for range n {
		b.write(seq, 2, slice)
		seq++
	}
}

// join attaches a Down as Attach does, but leaves the replay to the test, which goes step by step through
// what happens at once on two goroutines.
func (b *bench) join(t *testing.T, d *Down, u *Up) {
	t.Helper()
	d.detach()
	u.add(d)
	d.up = u
	if !d.prepareReplay(u) {
		t.Fatal("nothing to replay")
	}
}

func TestThePresentDuringAReplay(t *testing.T) {
	b := newBench(Video)
	b.write(1, 1, sps)
	b.write(2, 1, idr)
	b.write(3, 2, slice+"3")
	d, got := b.down(Video)
	b.join(t, d, b.up)
	third := b.up.ring.acquire(b.up.newest.Load())
	d.forward(b.up, third)    // was on its way when the Down came
	d.replayOne(b.up, d.turn) // 1
	b.write(5, 3, slice+"5")
	d.replayOne(b.up, d.turn)               // 2
	d.replayOne(b.up, d.turn)               // 3
	d.Nack([]uint16{uint16(d.highest + 2)}) // 5 is there, but its turn has not come
	d.replayOne(b.up, d.turn)               // 4 is not there
	b.write(4, 3, slice+"4")
	wantPayloads(t, got.take(), sps, idr, slice+"3", slice+"4")

	b.write(6, 4, slice+"6")
	b.write(8, 4, slice+"8")
	b.write(7, 4, slice+"7")
	b.write(10, 5, slice+"10")
	v, _ := parse(wire(9, 4, false, slice+"9"), 0)
	ninth := b.up.keep(&v, 30, b.now()) // in the ring, but not yet offered
	for d.replayOne(b.up, d.turn) {
	}
	d.forward(b.up, ninth)
	d.forward(b.up, third) // was on its way all the time
	b.write(11, 5, slice+"11")
	wantPayloads(t, got.take(), slice+"5", slice+"6", slice+"7", slice+"8", slice+"10", slice+"9", slice+"11")
	if d.state != live {
		t.Error("the replay did not end")
	}
}

func TestAReplayEndsWithItsSource(t *testing.T) {
	for name, change := range map[string]func(b *bench, d *Down){
		"which begins anew": func(b *bench, _ *Down) {
			b.write(30_000, 1, slice)
			b.write(30_001, 1, slice)
		},
		"which is closed":  func(b *bench, _ *Down) { b.up.Close() },
		"which is left":    func(_ *bench, d *Down) { d.Attach(nil) },
		"with the Down":    func(_ *bench, d *Down) { d.Close() },
		"with another one": func(b *bench, d *Down) { b.join(t, d, b.up) },
	} {
		b := newBench(Video)
		b.write(1, 1, sps)
		b.write(2, 2, slice)
		d, got := b.down(Video)
		b.join(t, d, b.up)
		turn := d.turn
		d.replayOne(b.up, turn)
		change(b, d)
		if d.replayOne(b.up, turn) {
			t.Errorf("%s: the replay goes on", name)
		}
		wantPayloads(t, got.take(), sps)
	}
}

func TestAPacketThatIsBeingSentIsNotOverwritten(t *testing.T) {
	b := newBench(Audio)
	b.write(0, 0, "held")
	p := b.up.ring.acquire(b.up.newest.Load())
	for i := uint16(1); i < 3*audioSlots; i++ {
		b.write(i, uint32(i), "other")
	}
	if string(p.payload) != "held" {
		t.Errorf("now %q", p.payload)
	}
	p.release()
}
