package ingest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is one timestamp of a track: 'v' or 'a'.
type sample struct {
	track byte
	ts    uint32
}

// run gives the times of samples, less that of the first one, in milliseconds.
func runClock(in []sample) []int64 {
	var c clock
	tracks := map[byte]*trackClock{'v': {}, 'a': {}}
	var out []int64
	for _, s := range in {
		out = append(out, c.at(tracks[s.track], s.ts).Milliseconds()-clockLead)
	}
	return out
}

func TestClock(t *testing.T) {
	const wrap32, wrap24 = 1<<32 - 20, 1<<24 - 20
	for _, c := range []struct {
		name string
		in   []sample
		want []int64
	}{
		{"begins at the first sample, whatever its time", []sample{{'v', 5000}, {'a', 5010}, {'v', 5033}}, []int64{0, 10, 33}},
		{"a track may begin a little earlier", []sample{{'v', 5000}, {'a', 4980}, {'a', 5001}}, []int64{0, -20, 1}},
		{"a track may begin much later", []sample{{'v', 0}, {'v', 9000}, {'a', 9010}}, []int64{0, 9000, 9010}},
		{"wraps at 32 bits", []sample{{'v', wrap32}, {'a', wrap32 + 5}, {'v', 13}, {'a', 18}}, []int64{0, 5, 33, 38}},
		{"wraps at 24 bits", []sample{{'v', wrap24}, {'a', wrap24 + 5}, {'v', 13}, {'a', 18}}, []int64{0, 5, 33, 38}},
		{"a track may begin after a wrap at 32 bits", []sample{{'v', wrap32}, {'v', 13}, {'a', 18}}, []int64{0, 33, 38}},
		{"a track may begin after a wrap at 24 bits", []sample{{'v', wrap24}, {'v', 13}, {'a', 18}}, []int64{0, 33, 38}},
		{"disorder is squeezed, then right again", []sample{{'v', 100}, {'v', 133}, {'v', 100}, {'v', 120}, {'v', 200}}, []int64{0, 33, 34, 35, 100}},
		{"equal times are told apart", []sample{{'v', 0}, {'v', 0}, {'v', 33}}, []int64{0, 1, 33}},
		{
			"a file that loops goes on, both tracks in step",
			[]sample{{'v', 0}, {'a', 0}, {'v', 9960}, {'a', 9970}, {'v', 10000}, {'a', 9991}, {'v', 0}, {'a', 0}, {'v', 40}, {'a', 21}},
			[]int64{0, 0, 9960, 9970, 10000, 9991, 10040, 10040, 10080, 10061},
		},
		{
			"a jump ahead is closed, both tracks in step",
			[]sample{{'v', 0}, {'a', 5}, {'v', 40}, {'a', 45}, {'v', 3600_000}, {'a', 3600_005}, {'v', 3600_040}},
			[]int64{0, 5, 40, 45, 85, 90, 125},
		},
		{"a gap of some seconds stays", []sample{{'v', 0}, {'v', 40}, {'v', 6000}}, []int64{0, 40, 6000}},
		{"a track that pauses comes back in step", []sample{{'v', 0}, {'a', 0}, {'v', 8000}, {'v', 16000}, {'v', 24000}, {'a', 24005}}, []int64{0, 0, 8000, 16000, 24000, 24005}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, runClock(c.in)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestClockNeverGoesBackWhateverComes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c clock
		var v, a trackClock
		last := map[*trackClock]time.Duration{&v: -1, &a: -1}
		ts := r.Uint32()
		for range 500 {
			switch r.IntN(20) {
			case 0:
				ts = r.Uint32()
			case 1:
				ts -= uint32(r.IntN(2000))
			default:
				ts += uint32(r.IntN(50))
			}
			tr := &v
			if r.IntN(2) == 0 {
				tr = &a
			}
			now := c.at(tr, ts)
			if now <= last[tr] {
				t.Fatalf("%v after %v", now, last[tr])
			}
			last[tr] = now
		}
		if d := max(v.last, a.last) - 0; time.Duration(d)*time.Millisecond > 4*time.Hour {
			t.Fatalf("500 samples took %d ms", d)
		}
	}
}

func TestClockCountsForYears(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	for _, scale := range []int64{0, tsClock} {
		c := clock{scale: scale}
		raw := c.ticks(years.Milliseconds())
		track := trackClock{begun: true, raw: raw, last: raw}
		c.begun, c.newest = true, raw
		if got, want := c.place(&track, raw+c.ticks(40)), years+40*time.Millisecond; got != want {
			t.Errorf("%d ticks in a millisecond: got %v, want %v", c.ticks(1), got, want)
		}
	}
}
