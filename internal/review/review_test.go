package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/auth"
)

const fn = "arn:aws:lambda:us-east-1:000000000000:function:review"

func allow(_ context.Context, _ string, payload []byte) ([]byte, error) {
	var r Request
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"ReviewResult": "ALLOW", "Content": r.Content, "Attributes": r.Attributes})
}

// hang is a handler that never answers by itself.
func hang(ctx context.Context, _ string, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// bench is Handlers with one handler that a test can change.
type bench struct {
	*Handlers
	t    *testing.T
	reg  *prometheus.Registry
	log  *bytes.Buffer
	mu   sync.Mutex
	call Caller
}

func newBench(t *testing.T, call Caller, change ...func(*Deps)) *bench {
	b := &bench{t: t, reg: prometheus.NewRegistry(), log: &bytes.Buffer{}, call: call}
	d := Deps{
		Log: slog.New(slog.NewTextHandler(b.log, nil)), Registerer: b.reg,
		Fixed: map[string]Caller{fn: func(ctx context.Context, id string, payload []byte) ([]byte, error) {
			b.mu.Lock()
			call := b.call
			b.mu.Unlock()
			return call(ctx, id, payload)
		}},
	}
	for _, f := range change {
		f(&d)
	}
	b.Handlers = New(d)
	return b
}

// patient is for tests that run by the machine's clock.
func patient(d *Deps) { d.Timeout = time.Minute }

func (b *bench) becomes(call Caller) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.call = call
}

func (b *bench) ask() (Verdict, error) {
	return b.Review(context.Background(), fn, 500, Request{Content: "hello", MessageID: "AYk6xKitV4On", RoomARN: "room"})
}

// metric sums the values of a metric whose labels include the given ones.
func (b *bench) metric(name string, labels ...string) (sum float64) {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "streamcat_review_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := map[string]bool{}
			for _, l := range m.GetLabel() {
				has[l.GetValue()] = true
			}
			fits := true
			for _, l := range labels {
				fits = fits && has[l]
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (b *bench) wantMetric(want float64, name string, labels ...string) {
	b.t.Helper()
	if got := b.metric(name, labels...); got != want {
		b.t.Errorf("%s%v = %v, want %v", name, labels, got, want)
	}
}

func TestAHandlerIsAskedInAmazonsWordsAndSigned(t *testing.T) {
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		seconds, err := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
		if want := auth.SignHook([]byte("key"), "AYk6xKitV4On", time.Unix(seconds, 0), got); err != nil || r.Method != "POST" ||
			r.Header.Get("Webhook-Id") != "AYk6xKitV4On" || r.Header.Get("Webhook-Signature") != want {
			t.Errorf("%s, headers %v", r.Method, r.Header)
		}
		fmt.Fprint(w, `{"ReviewResult":"ALLOW","Content":"h*llo","Attributes":{"seen":"yes"}}`)
	}))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	b := newBench(t, HTTP(client, server.URL, []byte("key")), patient)
	v, err := b.Review(t.Context(), fn, 500, Request{
		Content: "<hello>", MessageID: "AYk6xKitV4On", RoomARN: "arn:aws:ivschat:us-east-1:000000000000:room/AYk6xKitV4On",
		Sender: Sender{UserID: "ann", IP: "192.0.2.7", Attributes: map[string]string{"colour": "red"}},
	})
	if err != nil || !cmp.Equal(v, Verdict{Allowed: true, Content: "h*llo", Attributes: map[string]string{"seen": "yes"}}) {
		t.Errorf("got %+v, %v", v, err)
	}
	const want = `{"Content":"<hello>","MessageId":"AYk6xKitV4On","RoomArn":"arn:aws:ivschat:us-east-1:000000000000:room/AYk6xKitV4On",` +
		`"Attributes":{},"Sender":{"Attributes":{"colour":"red"},"UserId":"ann","Ip":"192.0.2.7"}}`
	if string(got) != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	b.wantMetric(1, "invocations_total", fn)
	b.wantMetric(1, "duration_seconds", fn)
	b.wantMetric(0, "invocation_errors_total")
	b.wantMetric(0, "concurrent_executions", fn)
}

func TestAHandlerThatFailsGivesNoVerdict(t *testing.T) {
	client := NewClient()
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		name, metric string
		answer       http.HandlerFunc
	}{
		{"server error", "invocation_errors_total", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		{"no content", "invocation_errors_total", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		{"redirect", "invocation_errors_total", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}},
		{"function error", "invocation_errors_total", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(w, `{"ReviewResult":"ALLOW","Content":"x"}`)
		}},
		{"broken off", "invocation_errors_total", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"ReviewResult"`)
		}},
		{"nonsense", "response_validation_errors_total", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }},
		{"too large", "response_validation_errors_total", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"ReviewResult":"ALLOW","Content":"x"`, strings.Repeat(" ", maxAnswer), `}`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			b := newBench(t, HTTP(client, server.URL, nil), patient)
			if v, err := b.ask(); err == nil || strings.Contains(err.Error(), server.URL) {
				t.Errorf("got %+v, %v", v, err)
			}
			b.wantMetric(1, "invocations_total", fn)
			for _, m := range []string{"invocation_errors_total", "response_validation_errors_total"} {
				want := 0.0
				if m == c.metric {
					want = 1
				}
				b.wantMetric(want, m)
			}
		})
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ReviewResult":"ALLOW","Content":"x"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	b := newBench(t, HTTP(client, server.URL, nil), patient)
	for range 100 {
		if _, err := b.ask(); err != nil {
			t.Fatal(err)
		}
	}
	// net/http gives a connection up whose last request took it long to write, as happens on a machine under load.
	if n := opened.Load(); n > 50 {
		t.Errorf("%d connections for 100 questions", n)
	}
}

func TestALateAnswerIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, hang)
		began := time.Now()
		_, err := b.ask()
		if took := time.Since(began); !errors.Is(err, errLate) || took != 200*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		b.wantMetric(1, "invocation_errors_total", fn, "timeout")
	})
}

// Waiting for the handler's other answers counts as waiting for this one.
func TestAHandlerHasOnlySoManyQuestionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		b := newBench(t, func(ctx context.Context, id string, payload []byte) ([]byte, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(80 * time.Millisecond) // of the test's clock: two rounds fit into the time-out, a third does not
			mu.Lock()
			now--
			mu.Unlock()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return allow(ctx, id, payload)
		}, func(d *Deps) { d.Concurrent, d.Waiting = 3, 9 })
		var work sync.WaitGroup
		var answered, late, busy int
		for range 20 {
			work.Go(func() {
				_, err := b.ask()
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					answered++
				case errors.Is(err, errBusy):
					busy++
				case errors.Is(err, errLate):
					late++
				default:
					t.Error(err)
				}
			})
		}
		work.Wait()
		// 3 at once, 9 wait, 8 are turned away; of those that wait 3 are answered, 3 come too late, 3 get no turn.
		if most != 3 || answered != 6 || late != 3 || busy != 11 {
			t.Errorf("%d at once; %d answered, %d late, %d busy", most, answered, late, busy)
		}
		b.wantMetric(11, "invocation_errors_total", fn, "busy")
		b.wantMetric(9, "invocations_total", fn)
	})
}

func TestAHandlerThatIsDownIsLeftAloneUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		down := func(context.Context, string, []byte) ([]byte, error) {
			asked++
			return nil, errors.New("connection refused")
		}
		b := newBench(t, down)
		wantAsked := func(n int, when string) {
			t.Helper()
			if asked != n {
				t.Errorf("%s: asked %d times, want %d", when, asked, n)
			}
		}
		for range 100 {
			if _, err := b.ask(); err == nil {
				t.Fatal("a verdict of nobody")
			}
		}
		wantAsked(openAfter, "after a hundred messages")
		b.wantMetric(1, "breaker_open", fn)
		b.wantMetric(100-openAfter, "invocation_errors_total", fn, "open")
		for i, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			time.Sleep(pause*time.Second - time.Millisecond)
			_, _ = b.ask()
			wantAsked(openAfter+i, "just before a probe")
			time.Sleep(time.Millisecond)
			_, _ = b.ask()
			_, _ = b.ask()
			wantAsked(openAfter+i+1, "at a probe")
		}
		b.becomes(allow)
		time.Sleep(openMost)
		for range 3 {
			if v, err := b.ask(); err != nil || !v.Allowed {
				t.Errorf("it is back: %+v, %v", v, err)
			}
		}
		b.wantMetric(0, "breaker_open", fn)
		if lines := strings.Count(b.log.String(), "\n"); lines != 2 {
			t.Errorf("logged %d lines, want one for each change:\n%s", lines, b.log)
		}
		b.becomes(down)
		for range openAfter - 1 {
			_, _ = b.ask()
		}
		b.becomes(allow)
		_, _ = b.ask()
		b.wantMetric(0, "breaker_open", fn)
	})
}

func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, hang)
		for range openAfter {
			_, _ = b.ask()
		}
		time.Sleep(openFirst)
		before := b.metric("invocations_total", fn)
		var work sync.WaitGroup
		for range 10 {
			work.Go(func() { _, _ = b.ask() })
		}
		work.Wait()
		b.wantMetric(before+1, "invocations_total", fn)
		b.wantMetric(9, "invocation_errors_total", fn, "open")
	})
}

// Whoever finds a message to which a handler answers nonsense must not have everybody's go without review.
func TestNonsenseDoesNotOpenTheBreaker(t *testing.T) {
	b := newBench(t, func(context.Context, string, []byte) ([]byte, error) { return []byte("nonsense"), nil }, patient)
	for range 3 * openAfter {
		_, _ = b.ask()
	}
	b.wantMetric(3*openAfter, "invocations_total", fn)
	b.wantMetric(0, "breaker_open", fn)
}

func TestAnARNWithoutAHandlerFailsAndIsForgotten(t *testing.T) {
	b := newBench(t, allow, patient)
	for i := range 2 * maxKnown {
		if _, err := b.Review(t.Context(), fn+strconv.Itoa(i), 500, Request{Content: "x"}); !errors.Is(err, errUnmapped) {
			t.Fatalf("got %v", err)
		}
	}
	if n := len(b.known); n != maxKnown {
		t.Errorf("%d handlers are known, want %d", n, maxKnown)
	}
	b.wantMetric(maxKnown, "invocations_total")
	b.wantMetric(maxKnown, "invocation_errors_total")
	if _, err := b.ask(); err != nil {
		t.Error(err)
	}
}
