package hook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

// hooks is a house with webhooks.
type hooks struct {
	house
	*hook.Webhooks
	ring *auth.Keyring
	reg  *prometheus.Registry
	stop func()
}

func buildHooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{house: build(t)}
	var err error
	if h.ring, err = auth.OpenKeyring(filepath.Join(t.TempDir(), "keys")); err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	return h
}

// restart ends the deliverer, as the end of the process would, and starts another.
func (h *hooks) restart(t testing.TB) {
	t.Helper()
	if h.stop != nil {
		h.stop()
	}
	h.reg = prometheus.NewRegistry()
	h.Webhooks = hook.NewWebhooks(hook.WebhooksDeps{
		DB: h.db, Bus: h.bus, Keyring: h.ring, Account: "000000000000", Region: "us-east-1",
		Try: 200 * time.Millisecond, MinWait: time.Millisecond, MaxWait: 4 * time.Millisecond, Tries: 4, Poll: 20 * time.Millisecond,
		Log: h.log, Registerer: h.reg,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
}

func (h *hooks) create(t testing.TB, s hook.Settings) (store.Webhook, string) {
	t.Helper()
	w, secret, err := h.Create(context.Background(), s)
	check(t, err)
	return w, secret
}

// posted is one delivery as a receiver gets it.
type posted struct {
	http.Header
	body []byte
}

func (p posted) String() string {
	var e envelope
	if err := json.Unmarshal(p.body, &e); err != nil || len(e.Resources) == 0 {
		return string(p.body)
	}
	return e.String()
}

// signedBy says whether one of the signatures is made with a secret.
func (p posted) signedBy(secret string) bool {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", p.Get("webhook-id"), p.Get("webhook-timestamp"), p.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for s := range strings.FieldsSeq(p.Get("webhook-signature")) {
		if s == want {
			return true
		}
	}
	return false
}

// receive runs a receiver: what it gets is in the channel, and answer says what it answers.
func receive(t testing.TB, answer func(w http.ResponseWriter, p posted)) (url string, got chan posted) {
	t.Helper()
	got = make(chan posted, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p := posted{r.Header.Clone(), body}
		got <- p
		if answer != nil {
			answer(w, p)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func wantPosted(t testing.TB, got <-chan posted, want ...string) (last posted) {
	t.Helper()
	for _, w := range want {
		select {
		case last = <-got:
			if last.String() != w {
				t.Fatalf("got %s, want %s", last, w)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s did not come", w)
		}
	}
	return last
}

// until waits for what comes about by itself.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !ok(); {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func TestWebhookIsToldSignedAndInOrder(t *testing.T) {
	h := buildHooks(t)
	h.tell(t, "a", 0) // before it was made
	url, got := receive(t, nil)
	w, secret := h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	h.tell(t, "b", 1)
	h.tell(t, "a", 2)
	first := wantPosted(t, got, "a1")
	wantPosted(t, got, "b1")
	last := wantPosted(t, got, "a2")
	if !first.signedBy(secret) || first.signedBy("whsec_AAAA") {
		t.Errorf("signature %q of %s", first.Get("webhook-signature"), secret)
	}
	events, err := h.db.Events(t.Context(), 1, 10)
	check(t, err)
	if first.Get("webhook-id") != events[0].ID || first.Get("content-type") != "application/json" {
		t.Errorf("headers: %v", first.Header)
	}
	if first.Get("streamcat-sequence") != "2" || last.Get("streamcat-sequence") != "3" || first.Get("streamcat-replay") != "" {
		t.Errorf("sequence numbers %q and %q", first.Get("streamcat-sequence"), last.Get("streamcat-sequence"))
	}
	wantEnvelope, err := hook.Envelope(events[0], "000000000000", "us-east-1")
	check(t, err)
	if string(first.body) != string(wantEnvelope) {
		t.Errorf("body %s, want %s", first.body, wantEnvelope)
	}
	until(t, "the cursor is at the end", func() bool {
		at, err := h.db.EventCursor(t.Context(), w.Consumer())
		return err == nil && at == 4
	})
	if d := h.Recent(w.ID); len(d) != 3 || d[0].EventID != events[2].ID || d[0].Status != 200 || d[0].Error != "" {
		t.Errorf("recent deliveries: %+v", d)
	}
}

func TestWebhookIsToldWhatItsFiltersLetThrough(t *testing.T) {
	h := buildHooks(t)
	url, got := receive(t, nil)
	w, _ := h.create(t, hook.Settings{URL: url, Resources: []string{"a*"}, DetailTypes: []string{"Test"}})
	h.tell(t, "b", 1)
	h.tell(t, "ab", 1)
	check(t, h.db.AppendEvent(t.Context(), store.Event{DetailType: "Other", Resources: []string{"a"}, Detail: json.RawMessage(`{}`)}))
	check(t, h.db.AppendEvent(t.Context(), store.Event{DetailType: "Test", Detail: json.RawMessage(`{}`)})) // about the account
	h.tell(t, "a", 1)
	wantPosted(t, got, "ab1", "a1")

	// A filter that is wider now does not bring back what it kept out before.
	h.tell(t, "b", 2)
	until(t, "passed over", func() bool { at, _ := h.db.EventCursor(t.Context(), w.Consumer()); return at >= 5 })
	none := []string{}
	_, err := h.Update(t.Context(), w.ID, hook.Change{Resources: &none})
	check(t, err)
	until(t, "the new filter is at work", func() bool { at, _ := h.db.EventCursor(t.Context(), w.Consumer()); return at == 6 })
	h.tell(t, "b", 3)
	wantPosted(t, got, "b3")
}

func TestUntakenEventIsOfferedAgainThenBuriedAndReplayed(t *testing.T) {
	h := buildHooks(t)
	var mu sync.Mutex
	status := map[string]int{"a1": 500, "b1": 500}
	url, got := receive(t, func(w http.ResponseWriter, p posted) {
		mu.Lock()
		defer mu.Unlock()
		if code := status[p.String()]; code != 0 {
			w.WriteHeader(code)
		}
	})
	w, _ := h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	h.tell(t, "b", 1)
	h.tell(t, "b", 2)
	first := wantPosted(t, got, "a1")
	again := wantPosted(t, got, "a1", "a1", "a1")
	if first.Get("webhook-id") != again.Get("webhook-id") || again.Get("webhook-id") == "" {
		t.Errorf("ids %q and %q of one event", first.Get("webhook-id"), again.Get("webhook-id"))
	}
	wantPosted(t, got, "a2", "b1", "b1", "b1", "b1", "b2")
	until(t, "buried", func() bool { n, _ := h.db.CountDeadLetters(t.Context(), w.ID); return n == 2 })
	letters, _, err := h.db.DeadLetters(t.Context(), w.ID, 10, nil)
	check(t, err)
	if d := letters[1]; d.ID != first.Get("webhook-id") || d.Tries != 4 || d.Error != "the receiver answered 500" {
		t.Errorf("dead letter: %+v", d)
	}

	// One of them, which is still not taken: it is tried as often, and stays.
	_, err = h.ReplayDeadLetters(t.Context(), w.ID, letters[1].ID)
	check(t, err)
	if p := wantPosted(t, got, "a1", "a1", "a1", "a1"); p.Get("streamcat-replay") != "dead-letter" || p.Get("webhook-id") != letters[1].ID {
		t.Errorf("headers: %v", p.Header)
	}
	until(t, "back among the dead", func() bool {
		_, asked, err := h.db.NextDeadLetter(t.Context(), w.ID)
		return err == nil && !asked
	})

	mu.Lock()
	clear(status)
	mu.Unlock()
	if n, err := h.ReplayDeadLetters(t.Context(), w.ID, ""); n != 2 || err != nil {
		t.Errorf("asked for %d, %v", n, err)
	}
	wantPosted(t, got, "a1", "b1")
	until(t, "none left", func() bool { n, _ := h.db.CountDeadLetters(t.Context(), w.ID); return n == 0 })
	if failures, err := h.db.WebhookFailures(t.Context(), w.ID); len(failures) != 0 || err != nil {
		t.Errorf("held up by %+v, %v", failures, err)
	}
}

func TestTriesAreCountedOverRestarts(t *testing.T) {
	h := buildHooks(t)
	tried := make(chan bool, 100)
	url, got := receive(t, func(w http.ResponseWriter, p posted) {
		if p.String() == "a1" {
			tried <- true
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w, _ := h.create(t, hook.Settings{URL: url})
	h.stop()
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	check(t, h.db.PutWebhookFailure(t.Context(), store.WebhookFailure{WebhookID: w.ID, Lane: "live", Global: 1, Tries: 3, Since: time.Now(), Error: "no"}))
	h.restart(t)
	wantPosted(t, got, "a1", "a2")
	until(t, "buried after one more try", func() bool { n, _ := h.db.CountDeadLetters(t.Context(), w.ID); return n == 1 })
}

func TestReceiverThatIsGoneForGoodIsLeftAlone(t *testing.T) {
	h := buildHooks(t)
	var gone sync.Once
	url, got := receive(t, func(w http.ResponseWriter, _ posted) {
		gone.Do(func() { w.WriteHeader(http.StatusGone) })
	})
	w, _ := h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	wantPosted(t, got, "a1")
	until(t, "disabled", func() bool { now, err := h.db.Webhook(t.Context(), w.ID); return err == nil && !now.Enabled })
	now, err := h.db.Webhook(t.Context(), w.ID)
	check(t, err)
	if now.Reason == "" {
		t.Error("nothing says why it is disabled")
	}
	if n, _ := h.db.CountDeadLetters(t.Context(), w.ID); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	// Enabled again it goes on where it was.
	on := true
	if now, err = h.Update(t.Context(), w.ID, hook.Change{Enabled: &on}); err != nil || now.Reason != "" {
		t.Errorf("%+v, %v", now, err)
	}
	wantPosted(t, got, "a1", "a2")
}

func TestRedirectIsNotFollowed(t *testing.T) {
	h := buildHooks(t)
	elsewhere, astray := receive(t, nil)
	url, got := receive(t, func(w http.ResponseWriter, _ posted) {
		w.Header().Set("Location", elsewhere)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	wantPosted(t, got, "a1", "a1", "a1", "a1")
	select {
	case p := <-astray:
		t.Errorf("the redirect was followed: %s", p)
	default:
	}
}

func TestEndlessAnswerIsReadToALimitAndTaken(t *testing.T) {
	h := buildHooks(t)
	ended := make(chan error, 10)
	url, got := receive(t, func(w http.ResponseWriter, _ posted) {
		chunk := make([]byte, 4096)
		for {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
		}
	})
	h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	wantPosted(t, got, "a1", "a2")
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the answer is read without end")
	}
}

func TestReceiverThatHangsDelaysNoOther(t *testing.T) {
	h := buildHooks(t)
	release := make(chan bool)
	var slow []chan posted
	for range 20 {
		url, got := receive(t, func(http.ResponseWriter, posted) { <-release })
		h.create(t, hook.Settings{URL: url})
		slow = append(slow, got)
	}
	t.Cleanup(func() { close(release) }) // before the receivers close, who wait for it
	url, got := receive(t, nil)
	h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	for _, s := range slow {
		wantPosted(t, s, "a1") // all of them hang now
	}
	wantPosted(t, got, "a1")
	for n := range 50 {
		h.tell(t, "a", n+2)
		wantPosted(t, got, fmt.Sprintf("a%d", n+2))
	}
}

func TestRotatedSecretAndTheOneBeforeBothSign(t *testing.T) {
	h := buildHooks(t)
	url, got := receive(t, nil)
	w, old := h.create(t, hook.Settings{URL: url, Secret: "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24))})
	_, fresh, err := h.RotateSecret(t.Context(), w.ID, "")
	check(t, err)
	until(t, "both sign", func() bool {
		result, err := h.Test(t.Context(), w.ID)
		check(t, err)
		p := <-got
		return result.Status == 200 && p.signedBy(old) && p.signedBy(fresh)
	})
	h.tell(t, "a", 1)
	until(t, "both sign what is told", func() bool {
		p := <-got
		return p.String() == "a1" && p.signedBy(old) && p.signedBy(fresh)
	})
	_, err = h.db.UpdateWebhook(t.Context(), w.ID, func(w *store.Webhook) error { w.OldUntil = time.Now().Add(-time.Second); return nil })
	check(t, err)
	result, err := h.Test(t.Context(), w.ID)
	check(t, err)
	if p := <-got; result.Error != "" || p.signedBy(old) || !p.signedBy(fresh) {
		t.Errorf("a day later: %q", p.Get("webhook-signature"))
	}
}

func TestPastEventsAreReplayedBesideWhatHappens(t *testing.T) {
	h := buildHooks(t)
	for n := range 30 {
		h.tell(t, "a", n+1)
		h.tell(t, "b", n+1)
	}
	url, got := receive(t, nil)
	w, _ := h.create(t, hook.Settings{URL: url})
	otherURL, other := receive(t, nil)
	h.create(t, hook.Settings{URL: otherURL})
	before, err := h.db.EventCursor(t.Context(), w.Consumer())
	check(t, err)
	r, err := h.Replay(t.Context(), store.WebhookReplay{WebhookID: w.ID, Resources: []string{"a"}})
	check(t, err)
	for n := range 30 {
		p := wantPosted(t, got, fmt.Sprintf("a%d", n+1))
		if p.Get("streamcat-replay") != r.ID || p.Get("streamcat-sequence") != fmt.Sprint(n+1) {
			t.Fatalf("headers: %v", p.Header)
		}
	}
	until(t, "the replay is done", func() bool { left, err := h.db.Replays(t.Context(), w.ID); return err == nil && len(left) == 0 })
	if at, _ := h.db.EventCursor(t.Context(), w.Consumer()); at != before {
		t.Errorf("the replay moved the cursor from %d to %d", before, at)
	}
	h.tell(t, "c", 1)
	if p := wantPosted(t, got, "c1"); p.Get("streamcat-replay") != "" {
		t.Error("a new event is marked as a replay")
	}
	wantPosted(t, other, "c1") // nothing of the replay
	_, err = h.Replay(t.Context(), store.WebhookReplay{WebhookID: w.ID, Since: time.Now(), Until: time.Now().Add(-time.Hour)})
	if fault.Of(err) != fault.Invalid {
		t.Errorf("a replay that ends before it begins: %v", err)
	}
}

func TestTestDeliverySaysHowTheReceiverAnswered(t *testing.T) {
	h := buildHooks(t)
	url, got := receive(t, func(w http.ResponseWriter, _ posted) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout", strings.Repeat("!", 1<<20))
	})
	w, secret := h.create(t, hook.Settings{URL: url, Disabled: true})
	result, err := h.Test(t.Context(), w.ID)
	check(t, err)
	if result.Status != 418 || !strings.HasPrefix(result.Excerpt, "short and stout!") || len(result.Excerpt) != 1024 || result.Error == "" || result.Took <= 0 {
		t.Errorf("got %+v", result)
	}
	p := <-got
	if !p.signedBy(secret) || p.Get("streamcat-test") != "true" || p.Get("webhook-id") != result.EventID || !strings.Contains(string(p.body), hook.TestDetailType) {
		t.Errorf("sent %v %s", p.Header, p.body)
	}
	if _, err := h.Test(t.Context(), "nobody"); fault.Of(err) != fault.NotFound {
		t.Errorf("of no webhook: %v", err)
	}
	nowhere, _ := h.create(t, hook.Settings{URL: "http://127.0.0.1:1/?key=hidden"})
	if result, err = h.Test(t.Context(), nowhere.ID); err != nil || result.Status != 0 || result.Error == "" || strings.Contains(result.Error, "hidden") {
		t.Errorf("where nobody listens: %+v, %v", result, err)
	}
}

func TestUnusableSettingsAreRefused(t *testing.T) {
	h := buildHooks(t)
	for name, s := range map[string]hook.Settings{
		"no URL":            {},
		"another scheme":    {URL: "ftp://example.com"},
		"no host":           {URL: "http:///x"},
		"a password":        {URL: "https://u:p@example.com"},
		"a long URL":        {URL: "https://example.com/" + strings.Repeat("x", 2048)},
		"a long text":       {URL: "https://example.com", Description: strings.Repeat("x", 257)},
		"a short secret":    {URL: "https://example.com", Secret: "whsec_AAAA"},
		"an empty type":     {URL: "https://example.com", DetailTypes: []string{""}},
		"no pattern":        {URL: "https://example.com", Resources: []string{"a b"}},
		"a thousand filter": {URL: "https://example.com", Resources: make([]string, 1000)},
	} {
		if _, _, err := h.Create(t.Context(), s); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _, err := h.db.Webhooks(t.Context(), 10, nil); len(list) != 0 || err != nil {
		t.Errorf("made all the same: %+v, %v", list, err)
	}
}

func TestMetricsAndLogNameNeitherURLNorSecret(t *testing.T) {
	h := buildHooks(t)
	var log strings.Builder
	var mu sync.Mutex
	h.log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.restart(t)
	fail := true
	url, got := receive(t, func(w http.ResponseWriter, p posted) {
		if fail && p.String() == "a1" {
			fail = false
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w, secret := h.create(t, hook.Settings{URL: url + "/?key=hidden"})
	h.tell(t, "a", 1)
	h.tell(t, "a", 2)
	wantPosted(t, got, "a1", "a1", "a2")
	value := func(name string) float64 {
		families, err := h.reg.Gather()
		check(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && m.GetLabel()[0].GetValue() == w.ID {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		return -1
	}
	until(t, "counted", func() bool { return value("streamcat_webhook_delivered_total") == 2 })
	if n := value("streamcat_webhook_failed_total"); n != 1 {
		t.Errorf("%v failures", n)
	}
	until(t, "no lag", func() bool { return value("streamcat_webhook_lag_seconds") == 0 })
	families, err := h.reg.Gather()
	check(t, err)
	mu.Lock()
	seen := fmt.Sprint(families) + log.String()
	mu.Unlock()
	for _, hidden := range []string{"hidden", secret, strings.TrimPrefix(secret, "whsec_"), url} {
		if strings.Contains(seen, hidden) {
			t.Errorf("%q can be read:\n%s", hidden, seen)
		}
	}
	check(t, h.Delete(t.Context(), w.ID))
	until(t, "its metrics are gone", func() bool { return value("streamcat_webhook_delivered_total") == -1 })
	if _, err := h.db.Webhook(t.Context(), w.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("after the end: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The receiver fails, hangs, or takes an event and breaks off; the deliverer is ended and started again in
// the midst of it all; events are told meanwhile. What is not taken in time goes to the dead letters, so
// what is seen and what is dead is everything, in order.
func TestWebhookLosesNothingAndKeepsOrderWhateverFails(t *testing.T) {
	const resources, each = 4, 40
	h := buildHooks(t)
	var mu sync.Mutex
	seen, total, luck := map[string][]posted{}, 0, 0
	busy := make(chan bool, 1)
	url, _ := receive(t, func(w http.ResponseWriter, p posted) {
		mu.Lock()
		defer mu.Unlock()
		if luck++; luck%30 == 0 {
			select {
			case busy <- true:
			default:
			}
		}
		if luck%7 == 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		resource := p.String()[:1]
		if known := seen[resource]; len(known) == 0 || known[len(known)-1].Get("webhook-id") != p.Get("webhook-id") {
			seen[resource] = append(known, p)
			total++
		}
		if luck%11 == 0 {
			panic(http.ErrAbortHandler) // taken, and then the connection breaks
		}
	})
	w, _ := h.create(t, hook.Settings{URL: url})
	var tellers sync.WaitGroup
	for r := range resources {
		tellers.Go(func() {
			for n := range each {
				h.tell(t, string(rune('a'+r)), n+1)
			}
		})
	}
	restarts := 0
	until(t, "all are told", func() bool {
		select {
		case <-busy:
			h.restart(t)
			restarts++
		default:
		}
		dead, err := h.db.CountDeadLetters(t.Context(), w.ID)
		check(t, err)
		mu.Lock()
		defer mu.Unlock()
		return total+dead >= resources*each
	})
	tellers.Wait()
	t.Logf("%d restarts, %d tries", restarts, luck)
	mu.Lock()
	defer mu.Unlock()
	for resource, list := range seen {
		last := 0
		for _, p := range list {
			var e envelope
			check(t, json.Unmarshal(p.body, &e))
			if e.Detail.N <= last || p.Get("streamcat-sequence") != fmt.Sprint(e.Detail.N) {
				t.Errorf("%s: event %d after %d", resource, e.Detail.N, last)
			}
			last = e.Detail.N
		}
	}
}
