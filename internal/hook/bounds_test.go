package hook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

func TestLinkLocalAddressesAreNotTold(t *testing.T) {
	h := buildHooks(t)
	w, _ := h.create(t, hook.Settings{URL: "http://127.0.0.1:1/", Disabled: true}) // a private address may be told
	for _, host := range []string{"169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1%25lo]", "[fd00:ec2::254]"} {
		url := "http://" + host + "/latest/meta-data/"
		if _, err := h.Update(t.Context(), w.ID, hook.Change{URL: &url}); fault.Of(err) != fault.Invalid {
			t.Errorf("%s is taken: %v", host, err)
		}
		// A name that leads there is only seen when it is called.
		_, err := h.db.UpdateWebhook(t.Context(), w.ID, func(w *store.Webhook) error { w.URL = url; return nil })
		check(t, err)
		result, err := h.Test(t.Context(), w.ID)
		if err != nil || !strings.Contains(result.Error, "link-local") {
			t.Errorf("%s: %+v %v", host, result, err)
		}
	}
}

// TestALongReplayOfLittleHoldsUpNothing asks for one resource among very many others' events while the receiver
// is told of something new.
func TestALongReplayOfLittleHoldsUpNothing(t *testing.T) {
	h := buildHooks(t)
	const others = 3000
	check(t, h.db.Tx(t.Context(), func(ctx context.Context) error {
		for range others {
			if err := h.db.AppendEvent(ctx, store.Event{DetailType: "Test", Resources: []string{"b"}, Detail: json.RawMessage(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	}))
	h.tell(t, "a", 1)
	url, got := receive(t, nil)
	w, _ := h.create(t, hook.Settings{URL: url, Disabled: true})
	r, err := h.Replay(t.Context(), store.WebhookReplay{WebhookID: w.ID, Resources: []string{"a"}})
	check(t, err)
	h.tell(t, "c", 1)
	h.tell(t, "c", 2)
	on := true
	_, err = h.Update(t.Context(), w.ID, hook.Change{Enabled: &on})
	check(t, err)
	wantPosted(t, got, "c1", "c2")
	if p := wantPosted(t, got, "a1"); p.Get("streamcat-replay") != r.ID {
		t.Errorf("headers: %v", p.Header)
	}
	until(t, "the replay is done", func() bool { left, err := h.db.Replays(t.Context(), w.ID); return err == nil && len(left) == 0 })
}

func TestNothingIsRememberedOfAWebhookDeletedWhileDisabled(t *testing.T) {
	h := buildHooks(t)
	url, got := receive(t, func(w http.ResponseWriter, _ posted) { w.WriteHeader(http.StatusInternalServerError) })
	w, _ := h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	wantPosted(t, got, "a1", "a1")
	known := func(name string) bool {
		families, err := h.reg.Gather()
		check(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && m.GetLabel()[0].GetValue() == w.ID {
					return true
				}
			}
		}
		return false
	}
	off := false
	_, err := h.Update(t.Context(), w.ID, hook.Change{Enabled: &off})
	check(t, err)
	until(t, "no lag of what is not told", func() bool { return !known("streamcat_webhook_lag_seconds") })
	if !known("streamcat_webhook_failed_total") || len(h.Recent(w.ID)) == 0 {
		t.Error("what happened is forgotten while it is disabled")
	}
	check(t, h.Delete(t.Context(), w.ID))
	until(t, "forgotten", func() bool { return !known("streamcat_webhook_failed_total") && len(h.Recent(w.ID)) == 0 })
}

// TestAStalledDatabaseDoesNotKeepTheDelivererFromStopping holds the database's writer while it is to be noted
// that an event was taken.
func TestAStalledDatabaseDoesNotKeepTheDelivererFromStopping(t *testing.T) {
	h := buildHooks(t)
	held, release := make(chan bool), make(chan bool)
	holding := make(chan error, 1)
	url, got := receive(t, func(http.ResponseWriter, posted) {
		go func() {
			holding <- h.db.Tx(context.Background(), func(ctx context.Context) error {
				if err := h.db.PutSetting(ctx, "x", []byte("x")); err != nil {
					return err
				}
				close(held)
				<-release
				return nil
			})
		}()
		<-held
	})
	w, _ := h.create(t, hook.Settings{URL: url})
	h.tell(t, "a", 1)
	wantPosted(t, got, "a1")
	until(t, "taken", func() bool { return len(h.Recent(w.ID)) == 1 })
	h.stop() // or the test never ends
	close(release)
	check(t, <-holding)
}

func TestAWebhookThatHasMovedMeanwhileIsNotDisabled(t *testing.T) {
	h := buildHooks(t)
	fresh, moved := receive(t, nil)
	var w store.Webhook
	made := make(chan bool)
	url, _ := receive(t, func(rw http.ResponseWriter, _ posted) {
		<-made
		if _, err := h.db.UpdateWebhook(context.Background(), w.ID, func(w *store.Webhook) error { w.URL = fresh; return nil }); err != nil {
			t.Error(err)
		}
		rw.WriteHeader(http.StatusGone) // the old address is
	})
	w, _ = h.create(t, hook.Settings{URL: url})
	close(made)
	h.tell(t, "a", 1)
	wantPosted(t, moved, "a1")
	if now, err := h.db.Webhook(t.Context(), w.ID); err != nil || !now.Enabled {
		t.Errorf("%+v, %v", now, err)
	}
}
