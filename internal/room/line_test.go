package room

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func TestALineLetsOutInTheOrderOfComing(t *testing.T) {
	var l line
	const n = 500
	var mu sync.Mutex
	var out []int
	turns := make([]*turn, n)
	for i := range turns {
		turns[i] = l.join()
	}
	var work sync.WaitGroup
	for _, i := range rand.Perm(n) {
		work.Go(func() {
			if i%7 == 0 {
				l.settle(turns[i], nil)
				return
			}
			l.settle(turns[i], func() {
				mu.Lock()
				defer mu.Unlock()
				out = append(out, i)
			})
		})
	}
	work.Wait()
	want := 0
	for i := range n {
		if i%7 != 0 {
			want++
		}
	}
	if len(out) != want || !slices.IsSorted(out) || !l.empty() || l.waiting != nil {
		t.Errorf("%d of %d went out, in order: %v; left: %d", len(out), want, slices.IsSorted(out), l.size.Load())
	}
}

func TestALineIsBounded(t *testing.T) {
	var l line
	first := l.join()
	for range maxInLine - 1 {
		if l.join() == nil {
			t.Fatal("turned away too early")
		}
	}
	if l.join() != nil {
		t.Error("there is no end to it")
	}
	l.settle(first, nil)
	if l.join() == nil {
		t.Error("still full after somebody left")
	}
}
