package channel_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// viewers knows keys and policies; tests change them.
type viewers struct {
	mu       sync.Mutex
	keys     []*ecdsa.PublicKey
	policies map[string]channel.Policy
	err      error
	asked    int
}

func (v *viewers) PlaybackKeys(context.Context) ([]*ecdsa.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	return v.keys, v.err
}

func (v *viewers) Policy(_ context.Context, arn string) (channel.Policy, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.policies[arn]
	if !ok {
		return p, fault.Missing("no such policy")
	}
	return p, v.err
}

func (v *viewers) change(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f()
}

const (
	privateKey = "private-channel"
	policyARN  = "arn:aws:ivs:us-east-1:000000000000:playback-restriction-policy/AbCdEf123456"
)

// house is a rig with a private and a restricted public channel.
type house struct {
	*rig
	viewers             *viewers
	key                 *ecdsa.PrivateKey
	private, restricted channel.Spec
	log                 *logbook
}

func newHouse(t *testing.T, change ...func(*channel.Deps)) *house {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := auth.OpenKeyring(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{key: key, viewers: &viewers{keys: []*ecdsa.PublicKey{&key.PublicKey}, policies: map[string]channel.Policy{}}, log: &logbook{}}
	private, restricted := minter.New(arn.Channel), minter.New(arn.Channel)
	h.private = channel.Spec{ARN: private, ID: arn.ID(private), Name: "private", Authorized: true}
	h.restricted = channel.Spec{ARN: restricted, ID: arn.ID(restricted), Name: "restricted", PolicyARN: policyARN}
	h.rig = newRig(t, append([]func(*channel.Deps){func(d *channel.Deps) {
		d.Viewers, d.Sealer = h.viewers, ring
		d.Directory.(directory)[privateKey] = h.private
		d.Directory.(directory)["restricted"] = h.restricted
		d.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}}, change...)...)
	t.Cleanup(func() {
		h.close()
		if strings.Contains(h.log.String(), "eyJ") {
			t.Errorf("a token is in the log: %s", h.log)
		}
	})
	return h
}

// logbook is a log that tests may read while it is written.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// broadcast brings a channel live, with some media.
func (h *house) broadcast(m *channel.Manager, key string) *media.Stream {
	h.t.Helper()
	s, err := m.Admit(h.t.Context(), media.Publisher{Protocol: "RTMP", Key: key})
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(s, 0, 3*time.Second)
	return s
}

// token signs claims for the private channel, which may be replaced.
func (h *house) token(claims ...any) string {
	h.t.Helper()
	all := jwt.MapClaims{"aws:channel-arn": h.private.ARN, "exp": h.clock.Now().Add(5 * time.Minute).Unix()}
	for i := 0; i < len(claims); i += 2 {
		all[claims[i].(string)] = claims[i+1]
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodES384, all).SignedString(h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// ask is a request with an Origin header, if origin is not empty.
func ask(m http.Handler, path, origin string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	m.ServeHTTP(w, r)
	return w
}

var uri = regexp.MustCompile(`(?m)^[^#\n].*$`)

// open shows a token and gives the address of the media playlist.
func (h *house) open(m http.Handler, token, origin string) string {
	h.t.Helper()
	w := ask(m, channel.PlaybackPath(h.private.ARN)+"?token="+token, origin)
	if w.Code != 200 {
		h.t.Fatalf("a good token: %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "token") {
		h.t.Errorf("the playlist passes the token on:\n%s", w.Body)
	}
	return channel.PlaybackRoot + uri.FindString(w.Body.String())
}

func (h *house) want(code int, what, path, origin string) *httptest.ResponseRecorder {
	h.t.Helper()
	w := ask(h, path, origin)
	if w.Code != code {
		h.t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, code)
	}
	return w
}

func TestAPrivateChannelSaysNothingWithoutAToken(t *testing.T) {
	h := newHouse(t)
	path := channel.PlaybackPath(h.private.ARN)
	folder := strings.TrimSuffix(path, ".m3u8") + "/"
	stranger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, good int) {
		t.Helper()
		h.want(403, when+", no token", path, "")
		h.want(403, when+", an empty token", path+"?token=", "")
		h.want(403, when+", no session", folder+"av.m3u8", "")
		h.want(403, when+", a made-up session", folder+"av.m3u8?s=abcdefgh12345678&session="+strings.Repeat("A", 80), "")
		h.want(403, when+", another channel's token", path+"?token="+h.token("aws:channel-arn", h.spec.ARN), "")
		h.want(403, when+", an expired token", path+"?token="+h.token("exp", h.clock.Now().Unix()), "")
		own := h.key
		h.key = stranger
		h.want(403, when+", a stranger's token", path+"?token="+h.token(), "")
		h.key = own
		h.want(404, when+", made-up media", folder+"p1-abcdefgh-abcdefghijkl.m4s", "")
		h.want(good, when+", a good token", path+"?token="+h.token(), "")
	}
	check("offline", 404)
	s := h.broadcast(h.Manager, privateKey)
	check("live", 200)

	playlist := h.open(h, h.token(), "")
	list, faults := hlscheck.Parse(h.want(200, "the session", playlist, "").Body.String())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	h.want(200, "its first part", folder+list.Segments[0].Parts[0].URI, "")
	h.want(200, "its map", folder+list.Segments[0].Map, "")
	h.want(403, "a session that was tampered with", playlist[:len(playlist)-4]+"AAAA", "")
	other := strings.Replace(playlist, h.private.ID, h.spec.ID, 1)
	if w := ask(h, other, ""); w.Code != 404 {
		t.Errorf("the session at another channel: %d", w.Code)
	}
	if one, two := h.open(h, h.token(), ""), h.open(h, h.token(), ""); one == two {
		t.Error("two players share a session")
	}
	s.Close()
	eventually(t, "not busy", func() bool { return !h.Busy(h.private.ARN) })
	check("after the end", 404)
	h.want(200, "the end of the playlist", playlist, "")
	h.clock.pass(48 * time.Hour)
	h.want(403, "two days later", playlist, "")
}

func TestADeletedKeyStopsNewViewersWithinASecond(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	token := h.token()
	playlist := h.open(h, token, "")
	for range 10 {
		h.open(h, token, "")
	}
	h.viewers.change(func() {
		if h.viewers.asked != 1 {
			t.Errorf("the keys were asked for %d times in a second", h.viewers.asked)
		}
		h.viewers.err = fault.Down("the database is away")
	})
	h.clock.pass(time.Second)
	h.open(h, token, "") // what was known stays good
	h.viewers.change(func() { h.viewers.err, h.viewers.keys = nil, nil })
	h.clock.pass(time.Second)
	h.want(403, "a token of a deleted key", channel.PlaybackPath(h.private.ARN)+"?token="+token, "")
	h.want(200, "a session that it began", playlist, "")
}

func TestATokenForASingleUseIsGoodOnce(t *testing.T) {
	h := newHouse(t)
	path := channel.PlaybackPath(h.private.ARN) + "?token="
	token := h.token("aws:single-use-uuid", "0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1")
	h.want(404, "before there is anything to see", path+token, "")
	h.broadcast(h.Manager, privateKey)
	playlist := h.open(h, token, "")
	h.want(403, "again", path+token, "")
	h.want(403, "another token with its number", path+h.token("aws:single-use-uuid", "0E5BD3DE-52A8-4f0c-8b4d-5f7c52b7b0a1"), "")
	h.open(h, h.token("aws:single-use-uuid", "0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a2"), "")
	for range 3 {
		h.want(200, "its session", playlist, "")
	}
}

func TestOriginsOfATokenAreAskedOfBrowsersAtTheDoor(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	token := h.token("aws:access-control-allow-origin", "https://a.example,https://*.b.example")
	path := channel.PlaybackPath(h.private.ARN) + "?token=" + token
	h.want(403, "another page", path, "https://evil.example")
	h.want(200, "no browser", path, "")
	h.want(200, "a page of the second", path, "https://x.b.example")
	h.want(200, "the playlist on another page", h.open(h, token, "https://a.example"), "https://evil.example")
}

func TestStrictOriginsAreAskedOfEveryRequest(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	token := h.token("aws:access-control-allow-origin", "https://a.example", "aws:strict-origin-enforcement", true)
	path := channel.PlaybackPath(h.private.ARN) + "?token=" + token
	h.want(403, "no origin", path, "")
	h.want(403, "another origin", path, "https://evil.example")
	playlist := h.open(h, token, "https://a.example")
	list, faults := hlscheck.Parse(h.want(200, "the playlist", playlist, "https://a.example").Body.String())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, file := range []string{playlist, playlist[:strings.LastIndex(playlist, "/")+1] + list.Segments[0].Parts[0].URI} {
		h.want(403, "no origin", file, "")
		h.want(403, "another origin", file, "https://evil.example")
		w := h.want(200, "the origin", file, "https://a.example")
		if w.Header().Get("Access-Control-Allow-Origin") != "https://a.example" || !strings.Contains(w.Header().Get("Vary"), "Origin") {
			t.Errorf("%s is answered with %v", file, w.Header())
		}
	}
}

func TestAPolicyRestrictsAPublicChannelAsItStandsNow(t *testing.T) {
	h := newHouse(t)
	set := func(p channel.Policy) {
		h.viewers.change(func() { h.viewers.policies[policyARN] = p })
		h.clock.pass(time.Second)
	}
	path := channel.PlaybackPath(h.restricted.ARN)
	h.want(503, "a policy that cannot be found", path, "")
	set(channel.Policy{AllowedOrigins: []string{"https://a.example"}})
	h.want(403, "offline, another page", path, "https://evil.example")
	h.want(404, "offline", path, "https://a.example")
	h.broadcast(h.Manager, "restricted")
	h.want(403, "another page", path, "https://evil.example")
	h.want(200, "no browser", path, "")
	playlist := channel.PlaybackRoot + uri.FindString(h.want(200, "the page", path, "https://a.example").Body.String())
	list, _ := hlscheck.Parse(h.want(200, "the playlist", playlist, "https://evil.example").Body.String())
	part := playlist[:strings.LastIndex(playlist, "/")+1] + list.Segments[0].Parts[0].URI

	set(channel.Policy{AllowedOrigins: []string{"https://a.example"}, StrictOrigin: true})
	for _, file := range []string{path, playlist, part} {
		h.want(403, "strict, no origin", file, "")
		h.want(403, "strict, another origin", file, "https://evil.example")
		if w := h.want(200, "strict", file, "https://a.example"); w.Header().Get("Access-Control-Allow-Origin") != "https://a.example" {
			t.Errorf("%s is answered with %v", file, w.Header())
		}
	}
	set(channel.Policy{StrictOrigin: true})
	h.want(403, "strict for all, no origin", part, "")
	h.want(200, "strict for all", part, "https://evil.example")
	set(channel.Policy{AllowedCountries: []string{"CH"}})
	h.want(200, "without a country file", path, "https://evil.example")
	h.want(200, "again", path, "https://evil.example")
	if n := strings.Count(h.log.String(), "geoip-file"); n != 1 {
		t.Errorf("%d lines say that countries are not enforced", n)
	}
}

func TestARevokedViewerIsCutAndStaysOut(t *testing.T) {
	h := newHouse(t)
	s := h.broadcast(h.Manager, privateKey)
	watch := func(id string, version int) string {
		return h.open(h, h.token("aws:viewer-id", id, "aws:viewer-session-version", version), "")
	}
	old, newer, another, nameless := watch("v", 1), watch("v", 2), watch("w", 1), h.open(h, h.token(), "")

	// A request that waits for a part far ahead of what is there.
	msn, part := 0, 0
	{
		list, _ := hlscheck.Parse(h.want(200, "the playlist", old, "").Body.String())
		m, p := list.End()
		msn, part = int(m), p+3
	}
	answered := make(chan *httptest.ResponseRecorder, 2)
	wait := func(playlist string) {
		path := playlist + "&_HLS_msn=" + strconv.Itoa(msn) + "&_HLS_part=" + strconv.Itoa(part)
		go func() { answered <- ask(h, path, "") }()
	}
	wait(old)
	eventually(t, "it waits", func() bool { return h.Waiting() == 1 })
	if err := h.Revoke(t.Context(), h.private.ARN, "v", 1); err != nil {
		t.Fatal(err)
	}
	if w := <-answered; w.Code != 403 {
		t.Errorf("the request that waited: %d", w.Code)
	}
	h.want(403, "the session", old, "")
	for what, playlist := range map[string]string{"a newer session": newer, "another viewer": another, "a viewer without a name": nameless} {
		h.want(200, what, playlist, "")
	}
	path := channel.PlaybackPath(h.private.ARN) + "?token="
	h.want(403, "a token of that version", path+h.token("aws:viewer-id", "v", "aws:viewer-session-version", 1), "")
	h.want(403, "a token without a version", path+h.token("aws:viewer-id", "v"), "")
	h.want(200, "a token of a newer version", path+h.token("aws:viewer-id", "v", "aws:viewer-session-version", 2), "")
	if err := h.Revoke(t.Context(), h.private.ARN, "v", 0); err != nil {
		t.Fatal(err)
	}
	h.want(403, "after less was revoked", old, "")
	s.Close()
}

func TestRevocationsAndSessionsOutliveARestartAndReachOtherNodes(t *testing.T) {
	messages, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = messages.Close(context.Background()) })
	h := newHouse(t, func(d *channel.Deps) { d.Bus = messages })
	start := func(node string) *channel.Manager {
		deps := h.deps
		deps.Node = node
		m := channel.NewManager(deps)
		t.Cleanup(func() { _ = m.Close(context.Background()) })
		if err := m.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		return m
	}
	h.broadcast(h.Manager, privateKey)
	one := h.open(h, h.token("aws:viewer-id", "v", "aws:viewer-session-version", 1), "")
	two := h.open(h, h.token("aws:viewer-id", "v", "aws:viewer-session-version", 2), "")

	other := start("n2")
	h.broadcast(other, privateKey)
	for _, playlist := range []string{one, two} {
		if w := ask(other, playlist, ""); w.Code != 200 {
			t.Errorf("a session on another node: %d", w.Code)
		}
	}
	if err := h.Revoke(t.Context(), h.private.ARN, "v", 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other node has heard", func() bool { return ask(other, one, "").Code == 403 })
	if w := ask(other, two, ""); w.Code != 200 {
		t.Errorf("the newer session there: %d", w.Code)
	}

	again := start("n1")
	h.broadcast(again, privateKey)
	if w := ask(again, one, ""); w.Code != 403 {
		t.Errorf("the session after a restart: %d", w.Code)
	}
	if w := ask(again, two, ""); w.Code != 200 {
		t.Errorf("the newer session after a restart: %d", w.Code)
	}
}

func TestTooManyViewersAreRefusedAndToldOncePerMinute(t *testing.T) {
	h := newHouse(t, func(d *channel.Deps) { d.MaxViewers = 2 })
	s := h.broadcast(h.Manager, key)
	path := channel.PlaybackPath(h.spec.ARN)
	one, two, three := h.media(), h.media(), h.media()
	h.want(200, "the first", one, "")
	h.want(200, "the second", two, "")
	h.want(429, "the third", three, "")
	h.want(429, "the third's door", path, "")
	h.want(200, "the first again", one, "")
	told := func() (n int) {
		names, details, events := h.events()
		for i, e := range events {
			if e.DetailType == "IVS Limit Breach" {
				n++
				if len(e.Resources) != 0 || names[i] != "Concurrent Viewers" || details[i]["limit_value"] != 2.0 || details[i]["limit_unit"] != "viewers" {
					t.Errorf("%+v: %s", e, e.Detail)
				}
			}
		}
		return n
	}
	eventually(t, "told", func() bool { return told() == 1 })
	h.clock.pass(61 * time.Second)
	h.write(s, 3*time.Second, time.Second) // while no media comes, nobody counts as gone
	eventually(t, "there is room again", func() bool {
		h.Tidy()
		return ask(h, three, "").Code == 200
	})
	h.want(200, "the first comes back", one, "")
	h.want(429, "and the second does not", two, "")
	eventually(t, "told again", func() bool { return told() == 2 })
}
