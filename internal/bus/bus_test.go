package bus_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *bus.Bus {
	t.Helper()
	return openDir(t, t.TempDir(), slog.New(slog.DiscardHandler))
}

func openDir(t testing.TB, dir string, log *slog.Logger) *bus.Bus {
	t.Helper()
	b, err := bus.Open(context.Background(), bus.Options{Dir: dir, Name: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBus(t, b) })
	return b
}

func closeBus(t testing.TB, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within gives what comes out of c, and ends the test if nothing does.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestMessagesOfOnePublisherComeInOrderToEverySubscription(t *testing.T) {
	b := open(t)
	const n, subscribers = 5000, 4
	var done [subscribers]chan []uint32
	for i := range subscribers {
		done[i] = make(chan []uint32, 1)
		var got []uint32
		_, err := b.Subscribe("room.*", func(m bus.Message) {
			if got = append(got, binary.BigEndian.Uint32(m.Data)); len(got) == n {
				done[i] <- got
			}
		})
		check(t, err)
	}
	buf := make([]byte, 4)
	for i := range uint32(n) {
		binary.BigEndian.PutUint32(buf, i) // the buffer is used again: Publish must not keep it
		check(t, b.Publish("room.a", buf))
	}
	for i := range subscribers {
		if got := within(t, done[i]); !slices.IsSorted(got) {
			t.Errorf("subscription %d saw them out of order", i)
		}
	}
}

func TestSubscriptionGetsOnlyItsSubjects(t *testing.T) {
	b := open(t)
	got := make(chan string, 10)
	_, err := b.Subscribe("wake.*", func(m bus.Message) { got <- m.Subject + "=" + string(m.Data) })
	check(t, err)
	check(t, b.Publish("awake.x", []byte("no")))
	check(t, b.Publish("wake.x.y", []byte("no")))
	check(t, b.Publish("wake.events", nil))
	if s := within(t, got); s != "wake.events=" {
		t.Errorf("got %q", s)
	}
}

func TestClosedSubscriptionGetsNothing(t *testing.T) {
	b := open(t)
	got := make(chan string, 10)
	first, err := b.Subscribe("s", func(m bus.Message) { got <- "first" })
	check(t, err)
	_, err = b.Subscribe("s", func(m bus.Message) { got <- "second" })
	check(t, err)
	first.Close()
	first.Close()
	check(t, b.Publish("s", nil))
	if s := within(t, got); s != "second" {
		t.Errorf("the %s subscription got it", s)
	}
}

func TestRequestIsAnswered(t *testing.T) {
	b := open(t)
	_, err := b.Subscribe("ask", func(m bus.Message) {
		if err := m.Respond(append([]byte("re: "), m.Data...)); err != nil {
			t.Error(err)
		}
	})
	check(t, err)
	got, err := b.Request(t.Context(), "ask", []byte("time"))
	check(t, err)
	if string(got) != "re: time" {
		t.Errorf("got %q", got)
	}
}

func TestRequestThatNobodyHearsIsUnavailableAtOnce(t *testing.T) {
	_, err := open(t).Request(t.Context(), "nobody", nil)
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestRequestEndsWithItsContext(t *testing.T) {
	b := open(t)
	asked := make(chan bool, 1)
	_, err := b.Subscribe("ask", func(bus.Message) { asked <- true })
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := b.Request(ctx, "ask", nil); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestMessageThatWantsNoAnswerCannotBeAnswered(t *testing.T) {
	b := open(t)
	errs := make(chan error, 1)
	_, err := b.Subscribe("s", func(m bus.Message) { errs <- m.Respond(nil) })
	check(t, err)
	check(t, b.Publish("s", nil))
	if err := within(t, errs); err == nil {
		t.Error("it was")
	}
}

// A subscription that stands still loses messages and says so; another one on the same subject does not.
func TestSlowSubscriberLosesAndIsReported(t *testing.T) {
	said := make(chan string, 10)
	b := openDir(t, t.TempDir(), slog.New(slog.NewTextHandler(writer(func(p []byte) {
		select {
		case said <- string(p):
		default:
		}
	}), &slog.HandlerOptions{Level: slog.LevelWarn})))
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	slow, err := b.Subscribe("s", func(bus.Message) { <-hold })
	check(t, err)
	const n = bus.MaxPending + 1000
	seen, all := 0, make(chan bool)
	_, err = b.Subscribe("s", func(bus.Message) {
		if seen++; seen == n {
			close(all)
		}
	})
	check(t, err)
	for i := range n {
		check(t, b.Publish("s", []byte("x")))
		if i%1000 == 0 {
			check(t, b.Flush(t.Context()))
		}
	}
	within(t, all)
	if line := within(t, said); !strings.Contains(line, "subject=s") {
		t.Errorf("the log says %q", line)
	}
	if slow.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
	release()
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestCloseHandlesWhatHasArrived(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir()})
	check(t, err)
	var got int
	begun, goOn := make(chan bool, 1), make(chan bool)
	_, err = b.Subscribe("s", func(bus.Message) {
		if got++; got == 1 {
			begun <- true
			<-goOn
		}
	})
	check(t, err)
	for range 100 {
		check(t, b.Publish("s", nil))
	}
	check(t, b.Flush(t.Context()))
	within(t, begun)
	closed := make(chan bool)
	go func() { closeBus(t, b); close(closed) }()
	close(goOn)
	within(t, closed)
	if got != 100 {
		t.Errorf("handled %d of 100", got)
	}
	if b.Healthy() {
		t.Error("closed and healthy")
	}
	if err := b.Publish("s", nil); fault.Of(err) != fault.Unavailable {
		t.Errorf("publish after close: %v", err)
	}
	closeBus(t, b)
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir()})
	check(t, err)
	begun, goOn := make(chan bool, 1), make(chan bool)
	_, err = b.Subscribe("s", func(bus.Message) { begun <- true; <-goOn })
	check(t, err)
	check(t, b.Publish("s", nil))
	within(t, begun)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	close(goOn)
}

func TestDirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	_, err := bus.Open(t.Context(), bus.Options{Dir: filepath.Join(file, "x")})
	if err == nil || !strings.HasPrefix(err.Error(), "start the embedded bus: ") {
		t.Errorf("got %v", err)
	}
	if _, err := bus.Open(t.Context(), bus.Options{}); err == nil {
		t.Error("it opened without a directory")
	}
}

func TestClusterThatDoesNotAnswerIsAnError(t *testing.T) {
	if _, err := bus.Open(t.Context(), bus.Options{URL: "nats://user:secret@127.0.0.1:1"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{16, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			bs := open(b)
			done := make(chan bool, 1)
			got, want := 0, 0
			_, err := bs.Subscribe("s", func(bus.Message) {
				if got++; got%1024 == 0 {
					done <- true
				}
			})
			check(b, err)
			data := make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				check(b, bs.Publish("s", data))
				if want++; want%1024 == 0 {
					<-done
				}
			}
		})
	}
}
