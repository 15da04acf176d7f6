package hook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/auth"
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

// restart ends the deliverer, as the end of the process would, and starts another. It has patience with receivers: what
// a busy machine answers late would be offered again, as it should.
func (h *hooks) restart(t testing.TB) {
	t.Helper()
	if h.stop != nil {
		h.stop()
	}
	h.reg = prometheus.NewRegistry()
	h.Webhooks = hook.NewWebhooks(hook.WebhooksDeps{
		DB: h.db, Bus: h.bus, Keyring: h.ring, Account: "000000000000", Region: "us-east-1",
		Try: time.Minute, MinWait: time.Millisecond, MaxWait: 4 * time.Millisecond, Tries: 4, Poll: 20 * time.Millisecond,
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
		case <-time.After(time.Minute):
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
	for end := time.After(time.Minute); !ok(); {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
