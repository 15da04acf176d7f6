package sfu

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tile is a picture of a pool as a test plays it: its encodings, and which of them goes out.
type tile struct {
	chooser
	list []layer
	at   int
}

func newTiles(l Line, ladders ...[]layer) []*tile {
	p := NewPool()
	var all []*tile
	for _, list := range ladders {
		all = append(all, &tile{chooser: chooser{share: p.join(l)}, list: list, at: -1})
	}
	return all
}

// turn lets all choose once.
func turn(all []*tile, now time.Time) {
	for _, one := range all {
		one.at = one.pick(one.list, one.at, now, nil)
		one.crossed(now)
	}
}

func levels(all []*tile) (list []int) {
	for _, one := range all {
		list = append(list, one.at)
	}
	return list
}

func takes(all []*tile) (sum int) {
	for _, one := range all {
		sum += need(one.list[one.at].rate, 0)
	}
	return sum
}

// TestALineIsDivided: the smallest for all, then a step for each in order. A ladder needs 105, 525 and 2,100 kbit/s, and to rise
// 120, 600 and 2,400.
func TestALineIsDivided(t *testing.T) {
	for _, c := range []struct {
		room int
		want []int
	}{
		{0, []int{0, 0, 0}},
		{300_000, []int{0, 0, 0}},
		{855_000, []int{1, 0, 0}},
		{1_300_000, []int{1, 1, 0}},
		{1_800_000, []int{1, 1, 1}},
		{3_600_000, []int{2, 1, 1}},
		{5_400_000, []int{2, 2, 1}},
		{7_200_000, []int{2, 2, 2}},
	} {
		l := &room{bps: c.room}
		all := newTiles(l, ladder(), ladder(), ladder())
		now := newClock().now()
		for range 50 {
			turn(all, now)
			now = now.Add(lookEvery)
		}
		if got := levels(all); !slices.Equal(got, c.want) {
			t.Errorf("%d bit/s: %v, want %v", c.room, got, c.want)
		}
		if l.wanted < 3*2_000_000 {
			t.Errorf("only %d bit/s would be of use", l.wanted)
		}
	}
}

// TestOneWithALineForItself is told the same as one that asks the line.
func TestOneWithALineForItself(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &room{}
		one := newTiles(l, ladder())[0]
		plain := &tile{list: ladder(), at: -1}
		now := newClock().now()
		for range 30 {
			l.bps = rapid.IntRange(0, 3_000_000).Draw(r, "room")
			turn([]*tile{one}, now)
			plain.at = plain.pick(plain.list, plain.at, now, l)
			plain.crossed(now)
			if one.at != plain.at || one.pressed != plain.pressed {
				r.Fatalf("%d bit/s: %d in a pool, %d alone", l.bps, one.at, plain.at)
			}
			now = now.Add(lookEvery)
		}
	})
}

// TestADividedLineIsFull: whatever the pictures, what they take fits, nothing is left that would do for one more step,
// and of two that are alike the earlier one is not behind, nor more than a step ahead, unless the other's coming down would not
// do for it to rise: to rise takes more than to stay.
func TestADividedLineIsFull(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ladders := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) []layer {
			var list []layer
			rate := 0
			for i := range rapid.IntRange(1, MaxLayers).Draw(r, "encodings") {
				rate += rapid.IntRange(50_000, 1_500_000).Draw(r, "more")
				list = append(list, layer{pixels: i + 1, rate: rate})
			}
			return list
		}), 1, 16).Draw(r, "pictures")
		ladders = append(ladders, ladders[0])
		l := &room{bps: rapid.IntRange(0, 30_000_000).Draw(r, "room")}
		all := newTiles(l, ladders...)
		now := newClock().now()
		for quiet, turns := 0, 0; quiet < 3; turns++ {
			if turns == 500 {
				r.Fatalf("%d bit/s: never at rest, now %v", l.bps, levels(all))
			}
			before := levels(all)
			turn(all, now)
			now = now.Add(lookEvery)
			waits := slices.ContainsFunc(all, func(one *tile) bool { return now.Before(one.settled) })
			if quiet++; waits || !slices.Equal(before, levels(all)) {
				quiet = 0
			}
		}
		least := 0
		for _, one := range all {
			least += need(one.list[0].rate, 0)
		}
		took := takes(all)
		if took > max(l.bps, least) {
			r.Fatalf("%v take %d of %d bit/s", levels(all), took, l.bps)
		}
		for i, one := range all {
			if one.at+1 < len(one.list) {
				if more := one.list[one.at+1].needs(true) - one.list[one.at].needs(false); took+more <= l.bps {
					r.Fatalf("%d bit/s, %v: %d would have room to rise", l.bps, levels(all), i)
				}
			}
		}
		// One step down of the one that is ahead must not be a step up for the other.
		ahead, behind := all[0], all[len(all)-1]
		allowed := 1 // the earlier one may be ahead by
		if ahead.at < behind.at {
			ahead, behind, allowed = behind, ahead, 0
		}
		if ahead.at > behind.at+allowed {
			left := l.bps - took + ahead.list[ahead.at].needs(false) - ahead.list[ahead.at-1].needs(false)
			if more := behind.list[behind.at+1].needs(true) - behind.list[behind.at].needs(false); more <= left {
				r.Fatalf("two that are alike are at %d and %d", all[0].at, all[len(all)-1].at)
			}
		}
	})
}

// TestALineThatShrinksAndGrows: who has come down is up again, in order, when there is room, and nobody moves while it stays.
func TestALineThatShrinksAndGrows(t *testing.T) {
	l := &room{bps: 8_000_000}
	all := newTiles(l, ladder(), ladder(), ladder())
	now := newClock().now()
	run := func(d time.Duration, want ...int) {
		t.Helper()
		for end := now.Add(d); now.Before(end); now = now.Add(lookEvery) {
			turn(all, now)
		}
		if got := levels(all); !slices.Equal(got, want) {
			t.Errorf("%d bit/s: %v, want %v", l.bps, got, want)
		}
	}
	run(time.Second, 2, 2, 2)
	l.bps = 1_000_000
	run(200*time.Millisecond, 1, 0, 0)
	l.bps = 8_000_000
	run(2*time.Second, 1, 0, 0) // it may be for a moment only
	run(3*time.Second, 2, 2, 2)
	for range 50 {
		l.bps = 6_400_000 + int(now.UnixMilli()%7)*100_000 // enough for what is there, not to rise to it
		run(lookEvery, 2, 2, 2)
	}
}

// TestNobodyComesDownForOneThatMayNotRise: the first may not rise yet, so the second keeps what it has.
func TestNobodyComesDownForOneThatMayNotRise(t *testing.T) {
	l := &room{bps: 3_600_000}
	all := newTiles(l, ladder(), ladder())
	now := newClock().now()
	all[0].at, all[1].at = 1, 2
	all[0].settled = now.Add(time.Second)
	turn(all, now)
	if got := levels(all); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v", got)
	}
	now = all[0].settled
	turn(all, now)
	turn(all, now)
	if got := levels(all); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("%v when the first may rise", got)
	}
}

// TestAPoolOfDowns has real packets: two publishers of three encodings, one of a single one, whose rate is not there for
// them; ranks decide, a bound holds, and who falls silent makes room.
func TestAPoolOfDowns(t *testing.T) {
	const ms33 = time.Second / 30
	casts := []*cast{newCast(), newCast()}
	clock := casts[0].clock
	casts[1].clock = clock
	for _, c := range casts {
		for _, e := range c.layers {
			e.up.opts.Now = clock.now
		}
	}
	plain := NewUp(UpOptions{Kind: Video, Now: clock.now})
	single := NewSource()
	single.Add(plain, nil)
	pool, line := NewPool(), &room{bps: 1 << 40}
	var downs []*Down
	var slips []*slip
	for _, s := range []*Source{casts[0].source, casts[1].source, single} {
		w := &slip{}
		d := NewDown(DownOptions{Kind: Video, Line: line, Pool: pool, Now: clock.now}, w)
		d.Follow(s)
		downs, slips = append(downs, d), append(slips, w)
	}
	downs[0].Rank(1)
	downs[1].Rank(0)
	downs[2].Rank(2)
	seq := uint16(0)
	silent := -1
	run := func(d time.Duration) {
		for range int(d / ms33) {
			for i, c := range casts {
				if i == silent {
					continue
				}
				for n, e := range c.layers {
					kind := slice
					if c.frame%15 == 0 {
						kind = sps
					}
					e.up.Write(wire(e.seq, e.ts, true, filled(payloadOf(kind, n, c.frame, 0)+"/", 80<<(2*n))), clock.now()) // 19, 77 and 307 kbit/s
					e.seq++
					e.ts += 3000
				}
				c.frame++
			}
			plain.Write(wire(seq, uint32(seq)*3000, true, filled(sps+nonsense, 320)), clock.now()) // 77 kbit/s
			seq++
			clock.add(ms33)
		}
	}
	want := func(sizes ...int) {
		t.Helper()
		for i, size := range sizes {
			got := slips[i].take()
			if i == silent {
				continue
			}
			if len(got) == 0 {
				t.Fatalf("nothing of %d", i)
			}
			if l := got[len(got)-1].layer(); l != size {
				t.Errorf("%d bit/s: %d is at %d, want %d", line.bps, i, l, size)
			}
		}
	}
	run(5 * time.Second)
	want(2, 2)
	line.bps = 220_000 // 81 for the single one, 20 for each of the others, and then 72 for one step
	run(3 * time.Second)
	want(0, 1)
	line.bps = 900_000
	run(10 * time.Second)
	want(2, 2)
	line.bps = 620_000
	run(10 * time.Second)
	want(1, 2)
	downs[1].Prefer(720 * 360)
	run(10 * time.Second)
	want(2, 1)
	silent = 0
	downs[1].Prefer(0)
	line.bps = 500_000
	run(10 * time.Second)
	want(-1, 2) // what the first one had
	for _, d := range downs {
		d.Close()
	}
	if len(pool.shares) != 0 {
		t.Errorf("%d shares of Downs that are closed", len(pool.shares))
	}
}

func TestDividingAllocatesNothing(t *testing.T) {
	all := newTiles(&room{bps: 5_000_000}, ladder(), ladder(), ladder(), ladder())
	now := newClock().now()
	turn(all, now)
	if n := testing.AllocsPerRun(100, func() { turn(all, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// filled makes a payload as long as a packet of so many bytes has.
func filled(head string, size int) string {
	return head + strings.Repeat("\x00", size-minHeader-len(head))
}
