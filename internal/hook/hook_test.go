package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is what a deliverer stands on.
type house struct {
	db  *store.DB
	bus *bus.Bus
	log *slog.Logger
}

func build(t *testing.T) house {
	t.Helper()
	h := house{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	var err error
	if h.db, err = store.Open(context.Background(), storetest.SQLite(t), store.Options{Log: h.log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, h.db.Close()) })
	if h.bus, err = bus.Open(context.Background(), bus.Options{Dir: t.TempDir(), Log: h.log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, h.bus.Close(context.Background())) })
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tell commits an event and wakes who waits for it.
func (h house) tell(t testing.TB, resource string, n int) {
	t.Helper()
	check(t, h.db.AppendEvent(context.Background(), store.Event{
		DetailType: "Test", Resources: []string{resource}, Detail: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
	}))
	check(t, h.bus.Publish(hook.Wake, nil))
}

// run starts a deliverer; the function it gives ends it and waits.
func (h house) run(t testing.TB, poll time.Duration, target func(context.Context, []byte) error) (stop func()) {
	t.Helper()
	d := hook.New(hook.Deps{
		DB: h.db, Bus: h.bus, Consumer: "test", Account: "000000000000", Region: "us-east-1", Target: target,
		Try: 50 * time.Millisecond, MinWait: time.Millisecond, MaxWait: 4 * time.Millisecond, Poll: poll, Log: h.log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// envelope is what a receiver reads.
type envelope struct {
	ID        string
	Resources []string
	Detail    struct{ N int }
}

func (e envelope) String() string { return fmt.Sprintf("%s%d", e.Resources[0], e.Detail.N) }

func read(t testing.TB, text []byte) envelope {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		t.Errorf("%q: %v", text, err)
	}
	return e
}

func want(t testing.TB, got <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case g := <-got:
			if g != w {
				t.Fatalf("got %s, want %s", g, w)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s did not come", w)
		}
	}
}

func TestEventsComeInOrderOnceEach(t *testing.T) {
	h, got := build(t), make(chan string, 100)
	h.tell(t, "a", 1) // before it runs
	h.tell(t, "b", 1)
	h.run(t, time.Hour, func(_ context.Context, text []byte) error {
		got <- read(t, text).String()
		return nil
	})
	want(t, got, "a1", "b1")
	h.tell(t, "a", 2) // while it runs, only the wake-up tells
	want(t, got, "a2")
}

func TestEventIsFoundWithoutAWakeUp(t *testing.T) {
	h, got := build(t), make(chan string, 100)
	h.run(t, 5*time.Millisecond, func(_ context.Context, text []byte) error {
		got <- read(t, text).String()
		return nil
	})
	check(t, h.db.AppendEvent(t.Context(), store.Event{DetailType: "Test", Resources: []string{"a"}, Detail: json.RawMessage(`{"n":1}`)}))
	want(t, got, "a1")
}

func TestEventIsOfferedAgainUntilTaken(t *testing.T) {
	h, got, tries := build(t), make(chan string, 100), 0
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	h.run(t, time.Hour, func(_ context.Context, text []byte) error {
		got <- read(t, text).String()
		if tries++; tries <= 3 {
			return errors.New("not now")
		}
		return nil
	})
	want(t, got, "a1", "a1", "a1", "a1", "a2")
}

func TestTargetThatHangsIsGivenUpAndAskedAgain(t *testing.T) {
	h, got, tries := build(t), make(chan string, 100), 0
	h.tell(t, "a", 1)
	h.run(t, time.Hour, func(ctx context.Context, text []byte) error {
		if tries++; tries == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		got <- read(t, text).String()
		return nil
	})
	want(t, got, "a1")
}

func TestEventRefusedForGoodDoesNotHoldUpTheOthers(t *testing.T) {
	h, got := build(t), make(chan string, 100)
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	h.run(t, time.Hour, func(_ context.Context, text []byte) error {
		e := read(t, text)
		got <- e.String()
		if e.Detail.N == 1 {
			return fmt.Errorf("post: %w", fault.InvalidInput("no such channel"))
		}
		return nil
	})
	want(t, got, "a1", "a2")
}

func TestRunEndsInTheMidstOfATryAndTheEventComesAgain(t *testing.T) {
	h, got := build(t), make(chan string, 100)
	h.tell(t, "a", 1)
	begun := make(chan bool, 1)
	stop := h.run(t, time.Hour, func(ctx context.Context, _ []byte) error {
		begun <- true
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	stop()
	h.run(t, time.Hour, func(_ context.Context, text []byte) error {
		got <- read(t, text).String()
		return nil
	})
	want(t, got, "a1")
}

// The target fails, hangs or takes an event and dies before it can say so; the deliverer is ended and
// started again in the midst of it all; events are told meanwhile. In the end the target has seen each
// resource's events in order without a gap, and those it saw twice had the same id.
func TestNothingIsLostNorOutOfOrderWhateverFails(t *testing.T) {
	const resources, each = 4, 40
	h := build(t)
	receiver := &receiver{t: t, seen: map[string][]string{}, quota: make(chan bool, 1), all: make(chan bool), expect: resources * each, chance: rand.New(rand.NewPCG(1, 2))}
	var tellers sync.WaitGroup
	for r := range resources {
		tellers.Go(func() {
			for n := range each {
				h.tell(t, string(rune('a'+r)), n+1)
			}
		})
	}
	for restarts, done := 0, false; !done; restarts++ {
		stop := h.run(t, 10*time.Millisecond, receiver.take)
		select {
		case <-receiver.quota: // it has worked for a while: end it now
		case <-receiver.all:
			done = true
			t.Logf("%d restarts, %d tries for %d events", restarts, receiver.tries, resources*each)
		case <-time.After(time.Minute):
			t.Fatal("it stands still")
		}
		stop()
	}
	tellers.Wait()
	for resource, seen := range receiver.seen {
		if len(seen) != each {
			t.Errorf("%s: %d events, want %d", resource, len(seen), each)
		}
	}
}

// receiver is an unreliable target that keeps count. Only one call of take runs at a time.
type receiver struct {
	t      *testing.T
	chance *rand.Rand
	seen   map[string][]string // ids by resource, in order
	tries  int
	expect int
	quota  chan bool // holds a token after each 25 tries
	all    chan bool // closed when everything was seen
}

func (r *receiver) take(ctx context.Context, text []byte) error {
	if r.tries++; r.tries%25 == 0 {
		select {
		case r.quota <- true:
		default:
		}
	}
	e := read(r.t, text)
	luck := r.chance.IntN(10)
	if luck == 0 {
		return errors.New("away")
	}
	ids := r.seen[e.Resources[0]]
	switch {
	case e.Detail.N == len(ids)+1:
		r.seen[e.Resources[0]] = append(ids, e.ID)
		if r.expect--; r.expect == 0 {
			close(r.all)
		}
	case e.Detail.N == len(ids) && e.ID == ids[len(ids)-1]: // again: known by its id
	default:
		r.t.Errorf("%s has seen %d events, and now number %d with id %s", e.Resources[0], len(ids), e.Detail.N, e.ID)
	}
	switch luck {
	case 1:
		return errors.New("taken, and then the connection broke")
	case 2:
		<-ctx.Done() // taken, and then it hung
		return ctx.Err()
	}
	return nil
}

func TestFailuresAreLoggedWithoutTheEnvelope(t *testing.T) {
	h := build(t)
	var log strings.Builder
	h.log = slog.New(slog.NewTextHandler(&log, nil))
	h.tell(t, "a", 1)
	tries, done := 0, make(chan bool)
	stop := h.run(t, time.Hour, func(_ context.Context, text []byte) error {
		if tries++; tries == 1 {
			return errors.New("not now")
		}
		close(done)
		return nil
	})
	<-done
	stop()
	if got := log.String(); !strings.Contains(got, `err="not now"`) || strings.Contains(got, "detail") {
		t.Errorf("the log says:\n%s", got)
	}
}
