package sfu

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// named gives the encodings of a cast names.
func (c *cast) named(names ...string) *cast {
	for i, name := range names {
		c.layers[i].up.opts.Name = name
	}
	return c
}

// told gives a Source's encodings without what they need.
func (c *cast) told() string {
	list, ok := c.source.Layers(c.now())
	text := fmt.Sprint(ok)
	for _, l := range list {
		text += fmt.Sprintf(" %s=%dx%d/%d", l.Name, l.Width, l.Height, l.FrameRate)
	}
	return text
}

// TestEncodingsAreTold: those that come and are known, the smallest first; when all fall silent nothing is said.
func TestEncodingsAreTold(t *testing.T) {
	c := newCast().named("q", "h", "f")
	want := func(want string) {
		t.Helper()
		if diff := cmp.Diff(want, c.told()); diff != "" {
			t.Error(diff)
		}
	}
	want("false")
	c.picture(0, 1, 2)
	want("false") // nothing is known of what they need
	c.run(2 * time.Second)
	const all = "true q=360x180/30 h=720x360/30 f=1440x720/30"
	want(all)
	list, _ := c.source.Layers(c.now())
	for i, l := range list {
		if l.Bitrate != c.layers[i].up.flow.bitrate() || l.Bitrate == 0 {
			t.Errorf("%s brings %d bit/s, not %d", l.Name, l.Bitrate, c.layers[i].up.flow.bitrate())
		}
	}
	for range 30 { // the largest stops
		for i := range 2 {
			c.put(i, slice, true)
			c.layers[i].ts += 3000
		}
		c.pass()
	}
	want("true q=360x180/30 h=720x360/30")
	c.run(time.Second)
	want(all)
	c.add(5 * time.Second)
	want("false")
	c.picture()
	want("false") // who comes first after a silence is not the only one
	c.run(2 * time.Second)
	want(all)

	alone := NewSource()
	alone.Add(c.layers[0].up, nil)
	if list, ok := alone.Layers(c.now()); len(list) > 0 || !ok {
		t.Errorf("one encoding is told of as %v, %v", list, ok)
	}
}

// TestWhatADownShows: each change is counted, and the Down names what goes out now, not what it waits for.
func TestWhatADownShows(t *testing.T) {
	c := newCast().named("q", "h", "f")
	l := &room{}
	d, _ := c.down(l)
	before := c.source.Turns()
	want := func(name string, turned bool) {
		t.Helper()
		if got := d.Shows(c.source); got != name {
			t.Errorf("it shows %q, want %q", got, name)
		}
		if now := c.source.Turns(); (now != before) != turned {
			t.Errorf("turns go from %d to %d", before, now)
		}
		before = c.source.Turns()
	}
	want("", false)
	d.Follow(c.source)
	want("q", true)
	c.picture(0, 1, 2)
	c.run(2 * time.Second)
	l.bps = 1 << 30
	c.run(time.Second)
	want("q", false)
	c.picture(2)
	want("f", true)
	if got := d.Shows(NewSource()); got != "" {
		t.Errorf("it shows %q of another one", got)
	}
	d.Follow(nil)
	want("", false)
}

// TestWhichEncodingIsTheFirst: with no room at all, and with room for everything.
func TestWhichEncodingIsTheFirst(t *testing.T) {
	for _, one := range []struct {
		first  First
		room   int
		begins string
		later  string // when a key frame of each came, a moment and then long after
		last   string
	}{
		{Fitting, 0, "q", "q", "q"},
		{Fitting, 1 << 30, "f", "f", "f"},
		{Smallest, 1 << 30, "q", "f", "f"},
		{Smallest, 0, "q", "q", "q"},
		{Largest, 1 << 30, "f", "f", "f"},
		{Largest, 0, "f", "f", "q"},
	} {
		c := newCast().named("q", "h", "f")
		c.picture(0, 1, 2)
		c.run(2 * time.Second)
		d, _ := c.down(&room{bps: one.room})
		d.BeginWith(one.first)
		d.Follow(c.source)
		got := []string{d.Shows(c.source)}
		for _, wait := range []time.Duration{time.Second, firstLasts} {
			c.run(wait)
			c.picture(0, 1, 2)
			c.run(time.Second / 10)
			got = append(got, d.Shows(c.source))
		}
		if diff := cmp.Diff([]string{one.begins, one.later, one.last}, got); diff != "" {
			t.Errorf("%d with room for %d bit/s:\n%s", one.first, one.room, diff)
		}
	}
}

// TestTheLargestIsTheFirstOfASilentPublisher: one that pauses for a moment goes on with all encodings.
func TestTheLargestIsTheFirstOfASilentPublisher(t *testing.T) {
	c := newCast().named("q", "h", "f")
	c.picture(0, 1, 2)
	c.run(2 * time.Second)
	c.add(2 * silence)
	d, _ := c.down(nil)
	d.BeginWith(Largest)
	d.Follow(c.source)
	c.run(time.Second)
	c.picture(0, 1, 2)
	if got := d.Shows(c.source); got != "f" || d.Stats().Switches > 0 {
		t.Errorf("it shows %q after %d switches", got, d.Stats().Switches)
	}
}

// TestABoundHoldsFromTheBeginning: the largest is the largest of those that are not too large, also when the bound comes later.
func TestABoundHoldsFromTheBeginning(t *testing.T) {
	c := newCast().named("q", "h", "f")
	c.picture(0, 1, 2)
	c.run(2 * time.Second)
	d, _ := c.down(nil)
	d.BeginWith(Smallest)
	d.Follow(c.source)
	c.run(time.Second)
	c.picture(0, 1, 2)
	if got := d.Shows(c.source); got != "f" {
		t.Fatalf("it shows %q", got)
	}
	d.Prefer(720 * 360)
	c.run(time.Second)
	c.picture(0, 1, 2)
	if got := d.Shows(c.source); got != "h" { // which is no new beginning
		t.Errorf("it shows %q", got)
	}
}
