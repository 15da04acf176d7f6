package sfu

import (
	"fmt"
	"testing"
	"time"
)

func TestSoundBeginsAtOnceAndPictureWithAKeyFrame(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(65535, 960, "a")
	b.write(0, 1920, "b")
	p := got.take()
	wantPayloads(t, p, "a", "b")
	wantContinuous(t, p)
	if p[1].ts-p[0].ts != 960 {
		t.Errorf("timestamps %d, %d", p[0].ts, p[1].ts)
	}
	if b.asked != 0 {
		t.Errorf("asked for a key frame of sound")
	}

	b = newBench(Video)
	d, got = b.down(Video)
	d.Attach(b.up)
	if b.asked != 1 {
		t.Errorf("asked %d times for a key frame", b.asked)
	}
	b.write(1, 0, slice+"old")
	b.write(2, 3000, sps)
	b.write(3, 3000, idr)
	b.write(4, 6000, slice+"new")
	wantPayloads(t, got.take(), sps, idr, slice+"new")
}

func TestKeyFrameBeginnings(t *testing.T) {
	for name, c := range map[string]struct {
		write func(b *bench)
		want  []string
	}{
		"with parameter sets apart": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(11, 2, sps)
			b.write(12, 2, "\x68")
			b.write(13, 2, idr)
		}, []string{sps, "\x68", idr}},
		"without parameter sets": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(11, 2, idr+"1")
			b.write(12, 2, idr+"2")
		}, []string{idr + "1", idr + "2"}},
		"behind a delimiter": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(11, 2, "\x09")
			b.write(12, 2, idr)
		}, []string{idr}},
		"not in its second slice": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(12, 2, idr+"2")
			b.write(13, 2, idr+"3")
			b.write(14, 3, slice)
		}, nil},
		"not in a gap after a delimiter": {func(b *bench) {
			b.write(10, 2, "\x09")
			b.write(12, 2, idr)
		}, nil},
		"whose sets come late": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(12, 2, idr)
			b.write(11, 2, sps)
			b.write(13, 2, idr+"2")
		}, []string{sps, idr + "2"}}, // and the other by NACK
		"but not those of an older frame": {func(b *bench) {
			b.write(10, 1, slice)
			b.write(12, 2, idr)
			b.write(13, 3, slice)
			b.write(11, 2, sps)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(Video)
			d, got := b.down(Video)
			d.Attach(b.up)
			c.write(b)
			wantPayloads(t, got.take(), append([]string{}, c.want...)...)
		})
	}
}

func TestOrderAndGapsAreTheSources(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	for _, seq := range []uint16{65533, 65535, 65534, 65534, 2, 0, 3, 1} { // 65534 twice
		b.write(seq, uint32(seq), fmt.Sprint(seq))
	}
	p := got.take()
	wantPayloads(t, p, "65533", "65535", "65534", "2", "0", "3", "1")
	for _, o := range p {
		var seq uint16
		_, _ = fmt.Sscan(o.payload, &seq)
		if o.seq-p[0].seq != seq-65533 {
			t.Errorf("%s came as %d, the first as %d", o.payload, o.seq, p[0].seq)
		}
	}
	if s := b.up.Stats(); s.Packets != 7 || s.Dropped != 1 || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
	b.write(10, 10, "10")
	if s := b.up.Stats(); s.Lost != 6 {
		t.Errorf("lost %d, want 6", s.Lost)
	}
}

func TestWhatWasBeforeTheFirstPacketStaysAway(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(10, 10, "10")
	b.write(9, 9, "9")
	b.write(11, 11, "11")
	wantPayloads(t, got.take(), "10", "11")
}

func TestPaddingLeavesNoHole(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(65534, 1, "a")
	b.up.Write(padding(65535, 1), b.now())
	b.up.Write(padding(0, 1), b.now())
	b.write(1, 2, "b")
	b.up.Write(padding(2, 2), b.now())
	b.write(4, 3, "d")
	b.write(3, 3, "c")
	b.up.Write(padding(0, 1), b.now()) // once more
	b.write(6, 4, "f")
	b.up.Write(padding(5, 4), b.now()) // too late not to leave a hole: it fills it
	p := got.take()
	wantPayloads(t, p, "a", "b", "d", "c", "f", "")
	for i, want := range []uint16{0, 1, 3, 2, 5, 4} {
		if p[i].seq-p[0].seq != want {
			t.Errorf("%q came as +%d, want +%d", p[i].payload, p[i].seq-p[0].seq, want)
		}
	}
	if s := b.up.Stats(); s.Lost != 0 || s.Packets != 9 {
		t.Errorf("stats %+v", s)
	}
}

func TestPaddingIsForgottenInTime(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(0, 0, "first")
	for seq := uint16(2); seq <= 2*(maxRuns+1); seq += 2 {
		b.up.Write(padding(seq, 1), b.now())
		b.write(seq+1, 1, "x")
	}
	got.take()
	b.write(1, 0, "late") // its number is no longer known
	wantPayloads(t, got.take())
	if s := b.up.Stats(); s.Dropped != 1 || s.Lost != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestASwitchIsUnheard(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	b.write(100, 5000, "a1")
	b.add(20 * time.Millisecond)
	b.write(101, 5960, "a2")
	b.add(20 * time.Millisecond)

	second := b.newUp(Audio)
	d.Attach(second)
	b.write(102, 6920, "a3") // the first one's no more
	second.Write(wire(65535, 4_000_000_000, true, "b1"), b.now())
	b.add(20 * time.Millisecond)
	second.Write(wire(65534, 3_999_999_040, true, "b0"), b.now())
	second.Write(wire(0, 4_000_000_960, true, "b2"), b.now())

	d.Attach(nil)
	d.Attach(nil)
	second.Write(wire(1, 4_000_001_920, true, "b3"), b.now())
	b.add(time.Minute)
	d.Attach(b.up)
	d.Attach(b.up)
	b.write(200, 99, "a4")

	p := got.take()
	wantPayloads(t, p, "a1", "a2", "b1", "b2", "a4")
	wantContinuous(t, p)
	for i, want := range []uint32{0, 960, 1920, 2880, 2880 + 60*48_000} {
		if p[i].ts-p[0].ts != want {
			t.Errorf("%s is at +%d, want +%d", p[i].payload, p[i].ts-p[0].ts, want)
		}
	}
	if s := d.Stats(); s.Starts != 3 || s.Packets != 5 {
		t.Errorf("stats %+v", s)
	}
}

func TestTimeGoesOnWhenSourcesMeetInOneInstant(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	for i := range 3 {
		u := b.newUp(Audio)
		d.Attach(u)
		u.Write(wire(uint16(i), uint32(i)*7777, false, "x"), b.now().Add(-time.Duration(i)*time.Second))
	}
	p := got.take()
	if len(p) != 3 || p[1].ts-p[0].ts != 1 || p[2].ts-p[1].ts != 1 {
		t.Errorf("got %+v", p)
	}
}

func TestAPublisherThatBeginsAnew(t *testing.T) {
	b := newBench(Video)
	d, got := b.down(Video)
	d.Attach(b.up)
	b.write(100, 0, sps)
	b.write(101, 3000, slice+"1")
	b.add(time.Second)
	b.write(40_000, 77, slice+"stray")
	b.write(103, 6000, slice+"2") // 102 is lost
	b.write(40_001, 77, slice+"follows a stray, but not at once")
	wantPayloads(t, got.take(), sps, slice+"1", slice+"2")

	asked := b.asked
	b.write(30_000, 77, slice+"once")
	b.write(30_001, 77, slice+"twice")
	if b.asked != asked+1 {
		t.Errorf("asked %d times for a key frame", b.asked-asked)
	}
	b.write(30_002, 3077, sps+"anew")
	b.write(104, 9000, slice+"3") // a straggler
	b.write(30_003, 6077, slice+"4")
	wantPayloads(t, got.take(), sps+"anew", slice+"4")
	if s := b.up.Stats(); s.Restarts != 1 || s.Dropped != 4 || s.Lost != 1 {
		t.Errorf("stats %+v", s)
	}
	if d.Nack([]uint16{uint16(d.highest), uint16(d.highest - 2)}); len(got.take()) != 1 {
		t.Error("a number from before was answered, or one from after was not")
	}
	b.write(30_005, 9077, slice+"6")
	if s := b.up.Stats(); s.Lost != 2 {
		t.Errorf("lost %d, want one before and one after", s.Lost)
	}
	b.write(50_000, 9077, slice)
	b.write(50_001, 9077, sps+"at the same time")
	wantPayloads(t, got.take(), slice+"6", sps+"at the same time")
}

func TestReports(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	d.Attach(b.up)
	second := uint64(1) << 32
	b.up.SenderReport(100*second, 48_000, b.now())
	if len(got.reports) != 0 {
		t.Fatalf("a report without a packet: %+v", got.reports)
	}
	b.write(1, 48_000, "four")
	first := got.take()[0]
	for range 100 { // 2 s
		b.add(20 * time.Millisecond)
		b.write(1, 0, "dup")
		b.write(uint16(2+d.Stats().Packets), 48_000, "x")
	}
	want := []outReport{
		{100 * second, first.ts, 1, 4},
		{101 * second, first.ts + 48_000, 51, 54},
		{102 * second, first.ts + 96_000, 101, 104},
	}
	if len(got.reports) != len(want) {
		t.Fatalf("%d reports, want %d", len(got.reports), len(want))
	}
	for i, w := range want {
		if got.reports[i] != w {
			t.Errorf("report %d is %+v, want %+v", i, got.reports[i], w)
		}
	}
	b.add(999 * time.Millisecond)
	b.up.SenderReport(200*second, 0, b.now())
	if len(got.reports) != 3 {
		t.Error("two reports within a second")
	}
	b.add(time.Millisecond)
	b.up.SenderReport(201*second, 48_000, b.now()) // also while nothing is said
	if len(got.reports) != 4 || got.reports[3].ntp != 201*second || got.reports[3].ts != first.ts {
		t.Errorf("reports %+v", got.reports)
	}

	next := b.newUp(Audio)
	next.SenderReport(300*second, 7, b.now())
	d.Attach(next)
	next.Write(wire(1, 7, false, "x"), b.now())
	if len(got.reports) != 5 || got.reports[4].ntp != 300*second {
		t.Errorf("reports %+v, want one at once after a switch", got.reports)
	}

	b.add(2 * time.Second)
	next.SenderReport(0, 9, b.now())
	if len(got.reports) != 5 {
		t.Errorf("reports %+v: a publisher without a clock says nothing of lip-sync", got.reports)
	}
}

func TestAudioLevel(t *testing.T) {
	b := newBench(Audio)
	b.up.opts.AudioLevelID = 3
	if l := b.up.Stats().AudioLevel; l != NoAudioLevel {
		t.Errorf("level %d before any", l)
	}
	p := wire(1, 2, false, "")
	p[0] |= 0x10
	b.up.Write(append(p, 0xBE, 0xDE, 0, 1, 0x30, 0x80|35, 0, 0, 'x'), b.now())
	if l := b.up.Stats().AudioLevel; l != -35 {
		t.Errorf("level %d, want -35", l)
	}
}

func TestErrorsAreCountedAndEndNothing(t *testing.T) {
	b := newBench(Audio)
	bad, cut := b.down(Audio)
	good, got := b.down(Audio)
	bad.Attach(b.up)
	good.Attach(b.up)
	cut.fail = true
	b.up.SenderReport(1, 1, b.now())
	b.write(1, 1, "a")
	cut.fail = false
	b.write(2, 2, "b")
	wantPayloads(t, cut.take(), "b")
	wantPayloads(t, got.take(), "a", "b")
	if s := bad.Stats(); s.WriteErrors != 2 || s.Packets != 1 {
		t.Errorf("stats %+v", s)
	}
	b.up.Write([]byte("no RTP"), b.now())
	if s := b.up.Stats(); s.Invalid != 1 || s.Downs != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestTheEnd(t *testing.T) {
	b := newBench(Audio)
	d, got := b.down(Audio)
	gone, nothing := b.down(Audio)
	d.Attach(b.up)
	gone.Attach(b.up)
	gone.Close()
	b.write(1, 1, "a")
	b.up.Close()
	b.up.Close()
	b.write(2, 2, "b")
	b.up.SenderReport(1, 1, b.now())
	d.Nack([]uint16{uint16(d.highest)})
	d.KeyFrame()
	d.Attach(b.up) // is closed
	if n := b.up.Stats().Downs; n != 0 {
		t.Errorf("%d Downs of a closed Up", n)
	}
	next := b.newUp(Audio)
	d.Attach(next)
	gone.Attach(next)
	next.Write(wire(9, 9, false, "c"), b.now())
	p := got.take()
	wantPayloads(t, p, "a", "c")
	wantContinuous(t, p)
	wantPayloads(t, nothing.take())
	if n := next.Stats().Downs; n != 1 {
		t.Errorf("%d Downs", n)
	}
}
