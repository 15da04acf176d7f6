package cluster_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/cluster"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir(), Log: quiet})
	check(t, err)
	t.Cleanup(func() { check(t, b.Close(context.Background())) })
	return b
}

func join(t *testing.T, b *bus.Bus, term time.Duration) *cluster.Node {
	t.Helper()
	n, err := cluster.Join(t.Context(), cluster.Options{Bus: b, Log: quiet, Term: term})
	check(t, err)
	t.Cleanup(func() { check(t, n.Leave(context.Background())) })
	return n
}

func TestOneOfManyOwnsAThing(t *testing.T) {
	ctx, b := t.Context(), open(t)
	nodes := []*cluster.Node{join(t, b, time.Minute), join(t, b, time.Minute), join(t, b, time.Minute)}
	var won atomic.Int32
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			l, err := n.Take(ctx, "thing", cluster.Lease{}, 0)
			if err == nil && n.Holds(l) && l.Epoch == 1 {
				won.Add(1)
			} else if fault.Of(err) != fault.Conflict {
				t.Errorf("%+v, %v", l, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d own it", won.Load())
	}
	for _, n := range nodes {
		l, alive, err := n.Look(ctx, "thing")
		if err != nil || !alive || n.Holds(l) != (l.Owner == n.Address()) {
			t.Errorf("%+v, %v, %v", l, alive, err)
		}
	}
	if l, alive, err := nodes[0].Look(ctx, "nothing"); err != nil || alive || l.Owner != "" {
		t.Errorf("%+v, %v, %v", l, alive, err)
	}
}

func TestWhoTakesOverHasALaterEpoch(t *testing.T) {
	ctx, b := t.Context(), open(t)
	one, two := join(t, b, time.Minute), join(t, b, time.Minute)
	first, err := one.Take(ctx, "thing", cluster.Lease{}, 41)
	check(t, err)
	second, err := two.Take(ctx, "thing", first, 7)
	check(t, err)
	if first.Epoch != 42 || second.Epoch != 43 {
		t.Errorf("epochs %d and %d", first.Epoch, second.Epoch)
	}
	if _, err := one.Renew(ctx, "thing", first); fault.Of(err) != fault.Conflict {
		t.Errorf("a lost lease was renewed: %v", err)
	}
	check(t, one.Release(ctx, "thing", first)) // which does not touch the new one
	second, err = two.Renew(ctx, "thing", second)
	check(t, err)
	if l, alive, err := one.Look(ctx, "thing"); err != nil || !alive || l.Owner != two.Address() || l.Epoch != 43 {
		t.Errorf("%+v, %v, %v", l, alive, err)
	}
	check(t, two.Release(ctx, "thing", second))
	if _, alive, err := one.Look(ctx, "thing"); err != nil || alive {
		t.Errorf("released, and alive: %v, %v", alive, err)
	}
}

func TestWhoLeavesOwnsNothing(t *testing.T) {
	ctx, b := t.Context(), open(t)
	one, two := join(t, b, time.Hour), join(t, b, time.Hour)
	l, err := one.Take(ctx, "thing", cluster.Lease{}, 0)
	check(t, err)
	check(t, one.Leave(ctx))
	if one.Holds(l) {
		t.Error("it holds what it left")
	}
	last, alive, err := two.Look(ctx, "thing")
	if err != nil || alive || last.Owner != one.Address() {
		t.Errorf("%+v, %v, %v", last, alive, err)
	}
	if members, err := two.Members(ctx); err != nil || !slices.Equal(members, []string{two.Address()}) {
		t.Errorf("members %v, %v", members, err)
	}
	if _, err := one.Take(ctx, "other", cluster.Lease{}, 0); fault.Of(err) != fault.Unavailable {
		t.Errorf("who left takes: %v", err)
	}
}

func TestNodeWhoseKeyIsLostOwnsNothingButLives(t *testing.T) {
	ctx, b := t.Context(), open(t)
	one, two := join(t, b, time.Second), join(t, b, time.Second)
	l, err := one.Take(ctx, "thing", cluster.Lease{}, 0)
	check(t, err)
	keys, err := b.KV(ctx, "node", time.Second)
	check(t, err)
	check(t, keys.Delete(ctx, one.Address(), 0)) // as if its time had run out
	for deadline := time.Now().Add(20 * time.Second); one.Holds(l); {
		if time.Now().After(deadline) {
			t.Fatal("it still holds what it lost")
		}
		<-time.After(time.Millisecond)
	}
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
		next, err := one.Take(ctx, "thing", cluster.Lease{}, 0)
		if fault.Of(err) == fault.Conflict { // it is alive again, and sees that the lease is an old one
			break
		} else if err == nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", next, err)
		}
	}
	if last, alive, err := two.Look(ctx, "thing"); err != nil || alive || last.Term != l.Term {
		t.Errorf("%+v, %v, %v", last, alive, err)
	}
}

func TestNodesCallEachOther(t *testing.T) {
	ctx, b := t.Context(), open(t)
	one, two := join(t, b, time.Minute), join(t, b, time.Minute)
	check(t, two.Serve("echo", func(data []byte) []byte { return append(data, '!') }))
	if got, err := one.Call(ctx, two.Address(), "echo", []byte("hi")); err != nil || string(got) != "hi!" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := one.Call(ctx, one.Address(), "echo", nil); fault.Of(err) != fault.Unavailable {
		t.Errorf("nobody serves that: %v", err)
	}
}
