package sfu

import (
	"testing"
	"time"
)

// ladder is three encodings of 100, 500 and 2,000 kbit/s.
func ladder() []layer {
	return []layer{{nil, 1, 100_000}, {nil, 2, 500_000}, {nil, 3, 2_000_000}}
}

func TestTheChoice(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		present, room, want int
		list                []layer
	}{
		"nothing fits":                       {-1, 1000, 0, ladder()},
		"the first choice is what fits":      {-1, 700_000, 1, ladder()},
		"not without headroom":               {0, 540_000, 0, ladder()},
		"with headroom":                      {0, 610_000, 1, ladder()},
		"two at once":                        {0, 2_500_000, 2, ladder()},
		"what is there stays without it":     {1, 540_000, 1, ladder()},
		"one down":                           {2, 2_000_000, 1, ladder()},
		"two down":                           {2, 300_000, 0, ladder()},
		"not into what is not known":         {0, 9_000_000, 1, []layer{{nil, 1, 1000}, {nil, 2, 2000}, {nil, 3, 0}}},
		"not away from what is not known":    {1, 9_000_000, 1, []layer{{nil, 1, 1000}, {nil, 2, 0}}},
		"a larger one that needs less":       {0, 150_000, 1, []layer{{nil, 1, 200_000}, {nil, 2, 90_000}}},
		"only one":                           {-1, 0, 0, ladder()[:1]},
		"the present one is not there":       {-1, 3_000_000, 2, ladder()},
		"a room without end":                 {0, 1 << 60, 2, ladder()},
		"none at all, from the largest down": {2, 0, 0, ladder()},
	} {
		if got := (&chooser{}).pick(c.list, c.present, at, &room{bps: c.room}); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestPatienceGrows: who falls again and again, soon after each rise, waits longer each time; after one that
// held, as long as at first.
func TestPatienceGrows(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := &chooser{}
	wide, narrow := &room{bps: 1 << 40}, &room{}
	// fall falls, and gives how long it takes to rise again.
	fall := func() (waited time.Duration) {
		if got := c.pick(ladder(), 2, now, narrow); got != 0 {
			t.Fatalf("fell to %d", got)
		}
		for ; c.pick(ladder(), 0, now, wide) == 0; now = now.Add(100 * time.Millisecond) {
			waited += 100 * time.Millisecond
		}
		c.crossed(now)
		return waited
	}
	if got := c.pick(ladder(), 0, now, wide); got != 2 {
		t.Fatalf("the first rise waited, %d", got)
	}
	c.crossed(now)
	now = now.Add(holds)
	for _, want := range []int{3, 6, 12, 24, 48, 60, 60} {
		if got := fall(); got != time.Duration(want)*time.Second {
			t.Errorf("waited %v, want %d s", got, want)
		}
		now = now.Add(holds - 1)
	}
	now = now.Add(1)
	if got := fall(); got != minPatience {
		t.Errorf("waited %v after a rise that held", got)
	}
}
