package site

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// signed puts a Standard Webhooks signature on a request.
func signed(key []byte, id string, at time.Time, body string) func(*http.Request) {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	signature := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return func(r *http.Request) {
		r.Header.Set("Webhook-Id", id)
		r.Header.Set("Webhook-Timestamp", stamp)
		r.Header.Set("Webhook-Signature", "v1,AAAA v1a,zzzz "+signature)
	}
}

func TestHooksTakeEventsOnlyFromWhoKnowsTheSecret(t *testing.T) {
	w := newWorld(t)
	key := []byte("streamcat-hook-secret")
	body := event("1", "Stream Start", "st-1", "arn:aws:ivs:us-east-1:000000000000:channel/abcdefghijkl", time.Now())
	for _, c := range []struct {
		name string
		edit func(*http.Request)
		code int
	}{
		{"nothing", func(*http.Request) {}, 401},
		{"the secret", bearer, 204},
		{"the secret, scheme in small letters", func(r *http.Request) { r.Header.Set("Authorization", "bearer "+hookSecret) }, 204},
		{"another secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer whsec_other") }, 401},
		{"an empty secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, 401},
		{"another scheme", func(r *http.Request) { r.SetBasicAuth("hook", hookSecret) }, 401},
		{"a signature", signed(key, "m1", time.Now(), body), 204},
		{"a signature of another body", signed(key, "m1", time.Now(), body+" "), 401},
		{"a signature by another key", signed([]byte("other"), "m1", time.Now(), body), 401},
		{"an old signature", signed(key, "m1", time.Now().Add(-hookTolerance-time.Minute), body), 401},
		{"a signature from the future", signed(key, "m1", time.Now().Add(hookTolerance+time.Minute), body), 401},
		{"a signature without id", func(r *http.Request) { signed(key, "", time.Now(), body)(r) }, 401},
		{"a wrong secret beside a good signature", func(r *http.Request) {
			signed(key, "m1", time.Now(), body)(r)
			r.Header.Set("Authorization", "Bearer wrong")
		}, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.browser().do("POST", "/hooks/events", body, c.edit).want(t, c.code)
		})
	}
}

func TestHooksWithoutASecretAreShut(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.HookSecret = "" })
	for _, header := range []string{"", "Bearer", "Bearer "} {
		w.browser().do("POST", "/hooks/events", `{}`, func(r *http.Request) { r.Header.Set("Authorization", header) }).want(t, 401)
	}
}

func TestEventsTurnTheChannelLiveOnceAndInOrder(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	channelARN := w.channelARN("ada")
	now := time.Now()
	live := func() any { return w.browser().get("/api/channels/ada").json("live") }
	steps := []struct {
		name, event string
		want        bool
	}{
		{"end of a stream whose start is late", event("e1", "Stream End", "st-1", channelARN, now.Add(-8*time.Minute)), false},
		{"start of the second stream", event("e2", "Stream Start", "st-2", channelARN, now.Add(-5*time.Minute)), true},
		{"the late start of the first", event("e3", "Stream Start", "st-1", channelARN, now.Add(-9*time.Minute)), true},
		{"the first end again", event("e1", "Stream End", "st-1", channelARN, now.Add(-8*time.Minute)), true},
		{"end of the second", event("e4", "Stream End", "st-2", channelARN, now.Add(-time.Minute)), false},
		{"the second start again", event("e2", "Stream Start", "st-2", channelARN, now.Add(-5*time.Minute)), false},
		{"the second start under another id", event("e5", "Stream Start", "st-2", channelARN, now.Add(-5*time.Minute)), false},
	}
	for _, s := range steps {
		w.tell(s.event)
		if got := live(); got != s.want {
			t.Errorf("%s: live = %v, want %v", s.name, got, s.want)
		}
	}
	w.tell(`{"id":"x","detail-type":"IVS Recording State Change","source":"aws.ivs","time":"2026-11-23T08:00:00Z","resources":["` + channelARN + `"],"detail":{}}`)
}

func TestBrokenEventsAreNotToBeSentAgain(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		body string
		code int
	}{
		"no JSON":       {"hello", 400},
		"a list":        {"[]", 400},
		"no members":    {"{}", 400},
		"a broken time": {`{"id":"1","detail-type":"x","time":"yesterday"}`, 400},
		"a huge one":    {`{"id":"` + strings.Repeat("x", maxEvent) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			w.browser().do("POST", "/hooks/events", c.body, bearer).want(t, c.code)
		})
	}
}

func TestAnEventThatWasCutOffIsToBeSentAgain(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	body := event("1", "Stream Start", "st-1", w.channelARN("ada"), time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/hooks/events", strings.NewReader(body))
	bearer(r)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("answer = %d, want 503", rec.Code)
	}
}

func TestStreamsOfLongAgoAreForgotten(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	channelARN, now := w.channelARN("ada"), time.Now()
	c := must(w.DB.App().ChannelByARN(t.Context(), channelARN))
	for i, id := range []string{"st-1", "st-2", "st-3"} {
		w.tell(event("start "+id, "Stream Start", id, channelARN, now.AddDate(0, 0, 10*i)))
		w.tell(event("end "+id, "Stream End", id, channelARN, now.AddDate(0, 0, 10*i)))
	}
	w.clock.pass(streamsFor + 15*24*time.Hour)
	if err := w.purgeOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := must(w.DB.App().Streams(t.Context(), c.UserID, 10)); len(left) != 1 || left[0].ID != "st-3" {
		t.Errorf("left: %+v", left)
	}
}
