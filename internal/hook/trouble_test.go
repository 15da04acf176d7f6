package hook_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

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
	for told := 0; told < resources*each; {
		before := told
		until(t, "another one is told", func() bool {
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
			told = total + dead
			return told > before
		})
	}
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
