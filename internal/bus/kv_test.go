package bus_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

func openKV(t *testing.T, b *bus.Bus, ttl time.Duration) *bus.KV {
	t.Helper()
	kv, err := b.KV(t.Context(), "lease", ttl)
	check(t, err)
	return kv
}

func TestKeyIsCreatedOnceAndUpdatedInTurn(t *testing.T) {
	ctx, kv := t.Context(), openKV(t, open(t), time.Minute)
	first, err := kv.Create(ctx, "channel.a", []byte("1"))
	check(t, err)
	_, err = kv.Create(ctx, "channel.a", []byte("2"))
	if fault.Of(err) != fault.Conflict {
		t.Fatalf("second create: %v", err)
	}
	second, err := kv.Update(ctx, "channel.a", []byte("2"), first)
	check(t, err)
	if second <= first {
		t.Errorf("revision %d after %d", second, first)
	}
	if _, err = kv.Update(ctx, "channel.a", []byte("x"), first); fault.Of(err) != fault.Conflict {
		t.Errorf("update of an old revision: %v", err)
	}
	if err := kv.Delete(ctx, "channel.a", first); fault.Of(err) != fault.Conflict {
		t.Errorf("deletion of an old revision: %v", err)
	}
	e, err := kv.Get(ctx, "channel.a")
	check(t, err)
	if string(e.Value) != "2" || e.Revision != second || e.Key != "channel.a" || e.Deleted {
		t.Errorf("got %+v", e)
	}
	check(t, kv.Delete(ctx, "channel.a", second))
	if _, err := kv.Get(ctx, "channel.a"); fault.Of(err) != fault.NotFound {
		t.Errorf("deleted: %v", err)
	}
	check(t, kv.Delete(ctx, "channel.a", 0))
	_, err = kv.Create(ctx, "channel.a", nil)
	check(t, err)
	_, err = kv.Put(ctx, "channel.a", []byte("3"))
	check(t, err)
}

func TestOneOfManyGetsTheLease(t *testing.T) {
	kv := openKV(t, open(t), time.Minute)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch _, err := kv.Create(t.Context(), "owner", nil); {
			case err == nil:
				won.Add(1)
			case fault.Of(err) != fault.Conflict:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got it", won.Load())
	}
}

func TestWatchShowsWhatIsAndWhatComesAndWhatExpires(t *testing.T) {
	kv := openKV(t, open(t), time.Second)
	_, err := kv.Put(t.Context(), "node.a", []byte("1"))
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	seen, done := make(chan bus.Entry, 10), make(chan bool)
	go func() {
		defer close(done)
		for e, err := range kv.Watch(ctx, "node.>") {
			if err != nil {
				t.Error(err)
				return
			}
			seen <- e
		}
	}()
	if e := within(t, seen); e.Key != "node.a" || string(e.Value) != "1" || e.Deleted {
		t.Errorf("what was there: %+v", e)
	}
	if e := within(t, seen); e.Key != "node.a" || !e.Deleted { // nobody renewed it
		t.Errorf("what expired: %+v", e)
	}
	if _, err := kv.Get(t.Context(), "node.a"); fault.Of(err) != fault.NotFound {
		t.Errorf("expired: %v", err)
	}
	cancel()
	within(t, done)
}

func TestBucketWithoutTTLOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	first, err := bus.Open(t.Context(), bus.Options{Dir: dir, Log: log})
	check(t, err)
	_, err = openKV(t, first, 0).Put(t.Context(), "k", []byte("v"))
	check(t, err)
	closeBus(t, first)

	e, err := openKV(t, openDir(t, dir, log), 0).Get(t.Context(), "k")
	check(t, err)
	if string(e.Value) != "v" {
		t.Errorf("got %q", e.Value)
	}
}
