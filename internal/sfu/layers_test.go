package sfu

import (
	"testing"
	"time"
)

func TestASwitchWaitsForAKeyFrame(t *testing.T) {
	c := newCast()
	l := &room{}
	d, got := c.down(l)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.run(2 * time.Second)
	wantOnly(t, got.take(), 0)
	if l.wanted < 2*c.layers[1].up.flow.bitrate() {
		t.Errorf("would use %d bit/s of %d", l.wanted, c.layers[2].up.flow.bitrate())
	}

	asked := [3]int{c.layers[0].asked, c.layers[1].asked, c.layers[2].asked}
	l.bps = 1 << 30
	c.run(time.Second)
	wantOnly(t, got.take(), 0) // goes on meanwhile
	if now := c.layers[2].asked - asked[2]; now != 2 {
		t.Errorf("the wanted encoding was asked for a key frame %d times in a second, want 2", now)
	}
	if c.layers[0].asked != asked[0] || c.layers[1].asked != asked[1] {
		t.Error("another encoding was asked for a key frame")
	}
	c.picture(0, 1) // not of the wanted one
	wantOnly(t, got.take(), 0)
	c.report(0)
	c.report(2)
	c.picture(2)
	c.run(time.Second)
	p := got.take()
	if p[0].layer() == 0 {
		p = p[1:] // of the picture of the key frame
	}
	wantOnly(t, p, 2)
	if p[0].payload[:1] != sps || d.Stats().Switches != 1 {
		t.Errorf("%q is the first, %+v", p[0].payload, d.Stats())
	}

	l.bps = need(c.layers[1].up.flow.bitrate(), 10)
	c.run(time.Second)
	wantOnly(t, got.take(), 2)
	c.picture(1)
	c.run(time.Second)
	p = got.take()
	for p[0].layer() == 2 && p[0].frame() == p[1].frame() {
		p = p[1:]
	}
	wantOnly(t, p, 1)
}

// TestASwitchKeepsTheTime: with sender reports the pictures of all encodings are on one line of time, whenever
// they arrive; without, the time between is that between the arrivals.
func TestASwitchKeepsTheTime(t *testing.T) {
	for _, reports := range []bool{true, false} {
		c := newCast()
		l := &room{bps: 1 << 30}
		d, got := c.down(l)
		d.Follow(c.source)
		c.picture(0, 1, 2)
		if reports {
			for i := range c.layers {
				c.report(i)
			}
		}
		c.run(2 * time.Second)
		c.picture(2)
		c.run(time.Second)
		l.bps = 0
		c.run(200 * time.Millisecond)
		c.picture(0)
		c.run(time.Second)
		first, last, base := -1, 0, uint32(0)
		for _, o := range got.take() {
			frame := o.frame()
			if first < 0 {
				first, base = frame, o.ts
			}
			last = frame
			want := base + uint32(frame-first)*3000
			if off := int32(o.ts - want); off < 0 || off > 3 {
				t.Errorf("reports %v: picture %d of %d is %d ticks off", reports, frame, o.layer(), off)
			}
		}
		if d.Stats().Switches != 2 || last-first < 120 {
			t.Errorf("%+v, pictures %d to %d", d.Stats(), first, last)
		}
	}
}

// TestReportsThatMakeNoSenseAreLeftOut: the clocks of two encodings an hour apart must not stop the picture for one.
func TestReportsThatMakeNoSenseAreLeftOut(t *testing.T) {
	c := newCast()
	l := &room{bps: 1 << 30}
	d, got := c.down(l)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.report(0)
	c.layers[2].up.SenderReport(5000<<32, c.layers[2].ts, c.now())
	c.run(2 * time.Second)
	before := got.take()
	c.picture(2)
	after := got.take()
	if d.Stats().Switches != 1 {
		t.Fatal("no switch")
	}
	if gap := int32(after[len(after)-1].ts - before[len(before)-1].ts); gap <= 0 || gap > 6000 {
		t.Errorf("the time jumps by %d", gap)
	}
}

// TestLossIsRepairedAcrossSwitches asks for everything again after three switches. What there was no room for is not
// sent again.
func TestLossIsRepairedAcrossSwitches(t *testing.T) {
	c := newCast()
	l := &room{bps: 1 << 30}
	d, got := c.down(l)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.run(700 * time.Millisecond)
	c.picture(2)
	l.bps = 0
	c.run(200 * time.Millisecond)
	pressed := got.take()
	d.Nack([]uint16{pressed[len(pressed)-1].seq})
	if again := got.take(); len(again) > 0 {
		t.Errorf("sent again into a line that has no room: %v", again)
	}
	c.picture(0)
	c.run(2*minPatience + time.Second)
	l.bps = need(c.layers[1].up.flow.bitrate(), 2*headroom)
	c.run(200 * time.Millisecond)
	c.picture(1)
	c.run(100 * time.Millisecond)
	if n := d.Stats().Switches; n != 3 {
		t.Fatalf("%d switches", n)
	}
	sent := append(pressed, got.take()...)
	wantContinuous(t, sent)
	for _, o := range sent {
		d.mu.Lock()
		d.repair = nil // a new budget
		d.mu.Unlock()
		d.Nack([]uint16{o.seq})
		if again := got.take(); o.layer() == 2 && len(again) > 0 || o.layer() != 2 && (len(again) != 1 || again[0] != o) {
			t.Fatalf("%+v was sent again as %+v", o, again)
		}
	}
	d.Follow(nil)
	d.Nack([]uint16{sent[len(sent)-1].seq})
	if again := got.take(); len(again) > 0 {
		t.Errorf("sent without a source: %+v", again)
	}
}

// TestAnEncodingThatStops is left at once, and taken up again when it comes back.
func TestAnEncodingThatStops(t *testing.T) {
	c := newCast()
	d, got := c.down(nil)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.run(time.Second)
	c.picture(2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 2)
	largest := c.layers[2]
	only := func(d time.Duration, keys ...string) {
		for i := range int(d * 30 / time.Second) {
			kind := slice
			if i < len(keys) {
				kind = keys[i]
			}
			c.put(0, slice, true)
			c.put(1, kind, true)
			c.layers[0].ts += 3000
			c.layers[1].ts += 3000
			largest.ts += 3000
			c.pass()
		}
	}
	asked := c.layers[1].asked
	only(silence + 2*lookEvery)
	if c.layers[1].asked == asked {
		t.Error("nobody asked for a key frame of another encoding")
	}
	only(time.Second, sps)
	wantOnly(t, got.take(), 1)
	for range 20 { // it comes back
		c.picture()
	}
	c.picture(2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 2)
}

// TestASilenceOfAllChangesNothing: a publisher that pauses goes on with the encoding that was chosen.
func TestASilenceOfAllChangesNothing(t *testing.T) {
	c := newCast()
	d, got := c.down(nil)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.run(time.Second)
	c.picture(2)
	asked := c.layers[0].asked
	c.add(5 * time.Second)
	got.take()
	c.run(3 * time.Second)
	wantOnly(t, got.take(), 2)
	if c.layers[0].asked != asked || d.Stats().Switches != 1 {
		t.Errorf("%d key frames asked for, %+v", c.layers[0].asked-asked, d.Stats())
	}
}

func TestAPreferenceBoundsTheChoice(t *testing.T) {
	c := newCast()
	d, got := c.down(nil)
	d.Prefer(640 * 400)
	d.Follow(c.source)
	c.picture(0, 1, 2)
	c.run(time.Second)
	c.picture(1, 2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 0) // 720x360 is more than that
	d.Prefer(720 * 360)
	c.picture(1, 2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 1)
	d.Prefer(1)
	c.picture(0)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 0)
	d.Prefer(0)
	c.run(minPatience)
	c.picture(2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 2)
}

// TestASourceChanges: encodings come one after the other, one is replaced, and all end.
func TestASourceChanges(t *testing.T) {
	c := &cast{clock: newClock(), source: NewSource()}
	d, got := c.down(nil)
	d.Follow(c.source)
	make := func(i int) *encoding {
		e := &encoding{}
		e.up = NewUp(UpOptions{Kind: Video, KeyFrame: func() { e.asked++ }, Now: c.now})
		e.up.size.packed.Store(uint64(2*sides[i])<<32 | uint64(sides[i]))
		return e
	}
	one := make(1)
	if !c.source.Add(one.up, nil) || one.asked != 1 {
		t.Errorf("asked for %d key frames of the first one", one.asked)
	}
	c.layers = [3]*encoding{make(0), one, make(2)}
	c.put(1, sps, true)
	wantOnly(t, got.take(), 1)
	c.source.Add(c.layers[0].up, nil)
	c.source.Add(c.layers[2].up, nil)
	fourth := make(0)
	if c.source.Add(fourth.up, nil) || !fourth.up.closed.Load() {
		t.Error("a fourth one was taken")
	}
	c.picture(0, 1, 2)
	c.run(time.Second)
	c.picture(2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 2)

	next := make(2)
	old := c.layers[2].up
	c.layers[2] = next
	next.sent = 1 << 20
	if !c.source.Add(next.up, old) || old.Stats().Downs != 0 || !old.closed.Load() {
		t.Error("the replaced one goes on")
	}
	c.picture(0, 1, 2)
	c.run(time.Second)
	c.picture(2)
	got.take()
	c.run(time.Second)
	wantOnly(t, got.take(), 2)

	c.source.Close()
	for i, e := range c.layers {
		if n := e.up.Stats().Downs; n != 0 {
			t.Errorf("%d Downs are left at %d", n, i)
		}
	}
	late := make(0)
	if c.source.Add(late.up, nil) {
		t.Error("one was taken after the end")
	}
	c.picture(0, 1, 2)
	if p := got.take(); len(p) > 0 {
		t.Errorf("%d packets after the end", len(p))
	}
	d.Close()
	if n := len(*c.source.downs.Load()); n != 0 {
		t.Errorf("%d Downs follow", n)
	}
}
