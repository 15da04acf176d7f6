package hook_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

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
	h.tell(t, "a", 2)
	wantPosted(t, got, "a2")
	until(t, "noted", func() bool { at, _ := h.db.EventCursor(t.Context(), w.Consumer()); return at == 7 })
	none := []string{}
	_, err := h.Update(t.Context(), w.ID, hook.Change{Resources: &none})
	check(t, err)
	n := 2
	until(t, "the new filter is at work", func() bool { n++; h.tell(t, "b", n); return len(got) > 0 })
	if p := <-got; p.String()[:1] != "b" || p.String() == "b2" {
		t.Errorf("got %s", p)
	}
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
