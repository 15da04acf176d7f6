package sfu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// viewer is a subscriber who asks for what it lost, and puts in order what it gets.
type viewer struct {
	d       *Down
	slip    *slip
	started bool
	next    int64 // the newest number seen, extended
	got     map[int64]out
}

func (v *viewer) hear(p []out) {
	for _, o := range p {
		if !v.started {
			v.started = true
			v.next = 1<<20 | int64(o.seq)
		}
		num := v.next + int64(int16(o.seq-uint16(v.next)))
		v.next = max(v.next, num)
		v.got[num] = o
	}
}

// missing gives what it lacks up to the last number sent.
func (v *viewer) missing(last uint16) (seqs []uint16) {
	if len(v.got) == 0 {
		return nil
	}
	end := v.next + int64(int16(last-uint16(v.next)))
	for num := v.next - int64(v.span()) + 1; num <= end; num++ {
		if _, ok := v.got[num]; !ok {
			seqs = append(seqs, uint16(num))
		}
	}
	return seqs
}

func (v *viewer) span() int {
	low := v.next
	for num := range v.got {
		low = min(low, num)
	}
	return int(v.next-low) + 1
}

// TestAViewerSeesTheSourceWhole: whatever is lost, turned round or padded on the way in and lost on the
// way out, over any number of switches and wraps, a subscriber who asks for what is missing has numbers
// without a hole but the source's own, and behind them each source's packets in their order.
func TestAViewerSeesTheSourceWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBench(Video)
		d, s := b.down(Video)
		v := &viewer{d: d, slip: s, got: map[int64]out{}}
		var want []string // what the viewer should have in the end, holes as ""
		pass := func() {
			var kept []out
			for _, o := range s.take() {
				if rapid.IntRange(0, 9).Draw(r, "lost on the way out") > 0 || len(v.got) == 0 {
					kept = append(kept, o)
				}
			}
			v.hear(kept)
		}
		for turn := range rapid.IntRange(1, 4).Draw(r, "turns") {
			u := b.newUp(Video)
			d.Attach(u)
			seq := rapid.Uint16().Draw(r, "first number")
			ts := rapid.Uint32().Draw(r, "first time")
			type sent struct {
				b    []byte
				name string
				at   int
			}
			var line []sent
			for i := range rapid.IntRange(1, 80).Draw(r, "packets") {
				name := fmt.Sprintf("%s%d/%d", slice, turn, i)
				if i == 0 {
					name = fmt.Sprintf("%s%d/%d", sps, turn, i)
				}
				delay := 0
				if i > 0 && rapid.IntRange(0, 5).Draw(r, "turned round") == 0 {
					delay = rapid.IntRange(1, 8).Draw(r, "by")
				}
				kind := rapid.IntRange(0, 11).Draw(r, "kind")
				switch {
				case i > 0 && kind == 0: // lost for good
					want = append(want, "")
					line = append(line, sent{nil, "", i + delay})
				case i > 0 && kind == 1:
					line = append(line, sent{padding(seq, ts), "", i}) // in its place
				default:
					want = append(want, name)
					line = append(line, sent{wire(seq, ts, false, name), name, i + delay})
				}
				seq++
				if i%3 == 2 {
					ts += 3000
				}
			}
			// In-order padding leaves no hole only if nothing overtakes it.
			slices.SortStableFunc(line, func(a, b sent) int { return a.at - b.at })
			newest := uint16(0)
			for i, p := range line {
				if p.b == nil {
					continue
				}
				n := uint16(p.b[2])<<8 | uint16(p.b[3])
				if ahead := i == 0 || int16(n-newest) > 0; ahead {
					newest = n
				} else if p.name == "" {
					r.Skip("padding came late")
				}
				u.Write(p.b, b.now())
				b.add(time.Millisecond)
				pass()
			}
			// The last of a turn may be lost: then nobody can know of it.
			for len(want) > 0 && want[len(want)-1] == "" {
				want = want[:len(want)-1]
			}
			for range repairTries {
				b.add(time.Minute)
				// A viewer knows of a loss at the end only by what follows; here it is told.
				d.Nack(v.missing(uint16(d.highest)))
				pass()
			}
		}
		low := v.next - int64(v.span()) + 1
		var got []string
		for num := low; num <= v.next; num++ {
			got = append(got, v.got[num].payload)
		}
		if !slices.Equal(got, want) {
			r.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for num := low + 1; num <= v.next; num++ {
			a, aok := v.got[num-1]
			z, zok := v.got[num]
			if aok && zok && int32(z.ts-a.ts) < 0 {
				r.Fatalf("time goes back from %d (%s) to %d (%s)", a.ts, a.payload, z.ts, z.payload)
			}
		}
	})
}

// TestNumberingKeepsDistances checks the numbering against the plain definition.
func TestNumberingKeepsDistances(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var n numbering
		ext := int64(rapid.Uint16().Draw(r, "first")) + 1<<16
		highest, lastPad := ext-1, ext-1
		nums := map[int64]int64{}
		pads := map[int64]bool{}
		for range rapid.IntRange(1, 200).Draw(r, "packets") {
			step := rapid.IntRange(-30, 40).Draw(r, "step")
			e := highest + int64(step)
			if e < ext {
				e = ext
			}
			pad := rapid.IntRange(0, 4).Draw(r, "padding") == 0
			if e <= lastPad-500 {
				continue
			}
			num, p := n.put(uint16(e), pad)
			if pads[e] {
				if p != stale {
					r.Fatalf("padding twice: %v", p)
				}
				continue
			}
			if e > highest {
				if pad {
					if p != skip {
						r.Fatalf("padding ahead: %v", p)
					}
					pads[e], lastPad = true, e
				} else if p != ahead {
					r.Fatalf("ahead: %v", p)
				}
				highest = e
			} else if p == stale {
				if len(pads) < maxRuns {
					r.Fatal("forgotten early")
				}
				continue
			} else if p != late {
				r.Fatalf("late: %v", p)
			}
			if p != skip {
				if old, ok := nums[e]; ok && old != num {
					r.Fatalf("%d was %d and is %d", e, old, num)
				}
				nums[e] = num
			}
		}
		for a, na := range nums {
			for z, nz := range nums {
				if a < z {
					padding := int64(0)
					for p := range pads {
						if p > a && p < z {
							padding++
						}
					}
					if nz-na != z-a-padding {
						r.Fatalf("%d→%d, %d→%d with %d padding between", a, na, z, nz, padding)
					}
				}
			}
		}
	})
}
