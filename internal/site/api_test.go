package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
)

func TestAPersonRegistersLooksAroundAndLeaves(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if got := b.get("/api/session").want(t, 200); got.json("user") != nil || got.json("ready") != true {
		t.Fatalf("session = %s", got.body)
	}
	a := b.do("POST", "/api/register", form{"Ada", password}).want(t, 201)
	if a.json("user", "username") != "Ada" {
		t.Errorf("registered %s", a.body)
	}
	if _, err := time.Parse(time.RFC3339Nano, a.json("user", "createdAt").(string)); err != nil {
		t.Error(err)
	}
	if got := b.get("/api/session").json("user", "username"); got != "Ada" {
		t.Errorf("signed in as %v", got)
	}

	d := b.get("/api/dashboard").want(t, 200)
	var dash map[string]any
	if err := json.Unmarshal(d.body, &dash); err != nil {
		t.Fatal(err)
	}
	playback, _ := dash["playbackUrl"].(string)
	if !strings.HasPrefix(playback, "http://play.example/api/video/v1/us-east-1.000000000000.channel.") {
		t.Errorf("playbackUrl = %q", playback)
	}
	want := map[string]any{
		"username": "Ada", "title": "Ada’s channel", "category": map[string]any{"id": "chatting", "name": "Just Chatting"},
		"live": false, "startedAt": nil, "viewers": 0.0, "interrupted": false, "channelPath": "/c/Ada", "playbackUrl": playback,
		"ingest":    map[string]any{"server": ingestServer, "protocol": "rtmp", "insecureNote": insecureNote},
		"streamKey": map[string]any{"masked": "sk_••••••••••••••••••••••••"},
		"realTime":  false, "realTimeSince": nil, "whip": map[string]any{"endpoint": whipEndpoint},
		"srt": map[string]any{"server": "srt://127.0.0.1:9000", "masked": map[string]any{
			"address":    "srt://127.0.0.1:9000?streamid=sk_••••••••••••••••••••••••&passphrase=••••••••••••••••••••••••",
			"passphrase": "••••••••••••••••••••••••",
		}},
	}
	if diff := cmp.Diff(want, dash); diff != "" {
		t.Errorf("dashboard (-want +got):\n%s", diff)
	}

	p := b.do("PATCH", "/api/dashboard", map[string]string{"title": "Chess at night", "categoryId": "gaming"}).want(t, 200)
	if p.json("title") != "Chess at night" || p.json("category", "name") != "Sports & Gaming" {
		t.Errorf("changed to %s", p.body)
	}
	key, _ := b.do("POST", "/api/dashboard/stream-key/reveal", struct{}{}).want(t, 200).json("value").(string)
	if !strings.HasPrefix(key, "sk_us-east-1_") {
		t.Errorf("key = %q", key)
	}
	if got := b.do("POST", "/api/dashboard/stream-key/reset", struct{}{}).want(t, 200).json("masked"); got != "sk_••••••••••••••••••••••••" {
		t.Errorf("masked = %v", got)
	}
	if again := b.do("POST", "/api/dashboard/stream-key/reveal", nil).want(t, 200).json("value"); again == key {
		t.Error("the key is the same after the reset")
	}
	if strings.Contains(w.log.String(), key) {
		t.Error("the key is in the log")
	}

	b.do("POST", "/api/signout", struct{}{}).want(t, 204)
	b.get("/api/dashboard").want(t, 401)
	b.do("POST", "/api/signin", form{"ada", "wrong password"}).want(t, 401)
	b.do("POST", "/api/signin", form{"nobody", password}).want(t, 401)
	b.do("POST", "/api/signin", form{"ada", password}).want(t, 200)
	b.get("/api/dashboard").want(t, 200)
}

func TestChannelPagesAndListsHaveTheAgreedMembers(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	channelARN := w.channelARN("ADA")
	w.tell(event("1", "Stream Start", "st-1", channelARN, time.Now().Add(-time.Minute)))

	members := func(a answer) string {
		var m map[string]any
		if err := json.Unmarshal(a.body, &m); err != nil {
			t.Fatal(err)
		}
		return strings.Join(slices.Sorted(maps.Keys(m)), " ")
	}
	c := w.browser().get("/api/channels/ada").want(t, 200)
	if got, want := members(c), "category channelArn createdAt interrupted lastLiveAt live playbackUrl realTime realTimeSince room startedAt title username viewers"; got != want {
		t.Errorf("channel has %s, want %s", got, want)
	}
	if c.json("live") != true || c.json("startedAt") == nil || c.json("lastLiveAt") == nil || c.json("room", "available") != true {
		t.Errorf("channel = %s", c.body)
	}
	list := w.browser().get("/api/channels").want(t, 200)
	live := list.json("live").([]any)
	if got := members(answer{body: must(json.Marshal(live[0]))}); got != "category interrupted live realTime realTimeSince startedAt title username viewers" {
		t.Errorf("card has %s", got)
	}
	if recent := list.json("recent").([]any); len(recent) != 0 {
		t.Errorf("recent = %v", recent)
	}
	w.tell(event("2", "Stream End", "st-1", channelARN, time.Now()))
	list = w.browser().get("/api/channels").want(t, 200)
	if len(list.json("live").([]any)) != 0 || len(list.json("recent").([]any)) != 1 {
		t.Errorf("after the end: %s", list.body)
	}
	w.browser().get("/api/channels/nobody").want(t, 404)

	var categories struct{ Categories []struct{ ID, Name string } }
	if err := json.Unmarshal(w.browser().get("/api/categories").want(t, 200).body, &categories); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range categories.Categories {
		names = append(names, c.Name)
	}
	if want := []string{"Talk Shows & Podcasts", "Just Chatting", "Live Shopping", "Sports & Gaming", "Conferences & Events"}; !slices.Equal(names, want) {
		t.Errorf("categories = %q", names)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestBadRequestsGetAStatusAndSayWhy(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	huge := `{"username":"` + strings.Repeat("a", maxBody) + `"}`
	for _, c := range []struct {
		name, method, path string
		body               any
		kind               string // content type; JSON when empty
		who                *browser
		code               int
		field              string
	}{
		{name: "register with a bad name", method: "POST", path: "/api/register", body: form{"a b", password}, code: 400, field: "username"},
		{name: "register with a short password", method: "POST", path: "/api/register", body: form{"grace", "short"}, code: 400, field: "password"},
		{name: "register a taken name", method: "POST", path: "/api/register", body: form{"ADA", password}, code: 409, field: "username"},
		{name: "register with a list", method: "POST", path: "/api/register", body: `[]`, code: 400},
		{name: "register with a number as name", method: "POST", path: "/api/register", body: `{"username":7}`, code: 400},
		{name: "register with half a body", method: "POST", path: "/api/register", body: `{"username":`, code: 400},
		{name: "register with two bodies", method: "POST", path: "/api/register", body: `{} {}`, code: 400},
		{name: "register with a huge body", method: "POST", path: "/api/register", body: huge, code: 413},
		{name: "register by an HTML form", method: "POST", path: "/api/register", body: "username=grace", kind: "application/x-www-form-urlencoded", code: 415},
		{name: "register by text", method: "POST", path: "/api/register", body: `{"username":"grace"}`, kind: "text/plain", code: 415},
		{name: "register with no body", method: "POST", path: "/api/register", code: 415},
		{name: "sign out by a form", method: "POST", path: "/api/signout", body: "a=b", kind: "application/x-www-form-urlencoded", who: ada, code: 415},
		{name: "sign out by a link", method: "GET", path: "/api/signout", who: ada, code: 405},
		{name: "no such route", method: "GET", path: "/api/nothing", code: 404},
		{name: "dashboard of a guest", method: "GET", path: "/api/dashboard", code: 401},
		{name: "changes by a guest", method: "PATCH", path: "/api/dashboard", body: `{"title":"x"}`, code: 401},
		{name: "the key for a guest", method: "POST", path: "/api/dashboard/stream-key/reveal", body: `{}`, code: 401},
		{name: "the SRT address for a guest", method: "POST", path: "/api/dashboard/srt/reveal", body: `{}`, code: 401},
		{name: "a reset by a guest", method: "POST", path: "/api/dashboard/stream-key/reset", body: `{}`, code: 401},
		{name: "a blank title", method: "PATCH", path: "/api/dashboard", body: `{"title":"  "}`, who: ada, code: 400, field: "title"},
		{name: "an unknown category", method: "PATCH", path: "/api/dashboard", body: `{"categoryId":"x"}`, who: ada, code: 400, field: "categoryId"},
		{name: "the chat of nobody", method: "POST", path: "/api/channels/nobody/chat-token", body: `{}`, code: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := c.who
			if who == nil {
				who = w.browser()
			}
			a := who.do(c.method, c.path, c.body, func(r *http.Request) {
				if c.kind != "" {
					r.Header.Set("Content-Type", c.kind)
				}
			}).want(t, c.code)
			if m, _ := a.json("error", "message").(string); m == "" {
				t.Errorf("no message in %s", a.body)
			}
			if c.field != "" && a.json("error", "fields", c.field) == nil {
				t.Errorf("field %s is not named in %s", c.field, a.body)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q", got)
			}
		})
	}
	ada.get("/api/dashboard").want(t, 200) // still signed in
}

func TestRequestsThatAnotherSiteCausedAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.register("ada")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name string
		edit func(*http.Request)
		code int
	}{
		{"another site", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a sibling host", header("Sec-Fetch-Site", "same-site"), 403},
		{"another origin, old browser", header("Origin", "https://evil.example"), 403},
		{"no origin at all: a sandboxed frame", header("Origin", "null"), 403},
		{"the page itself", header("Sec-Fetch-Site", "same-origin"), 200},
		{"the page itself, old browser", header("Origin", w.url), 200},
		{"no browser", func(*http.Request) {}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			title := "by " + c.name
			b.do("PATCH", "/api/dashboard", map[string]string{"title": title}, c.edit).want(t, c.code)
			if got := b.get("/api/dashboard").json("title") == title; got != (c.code == 200) {
				t.Errorf("changed: %v", got)
			}
		})
	}
	for _, path := range []string{"/api/register", "/api/signin", "/api/signout", "/api/dashboard/stream-key/reset", "/api/dashboard/stream-key/reveal", "/api/dashboard/srt/reveal", "/api/channels/ada/chat-token"} {
		b.do("POST", path, form{"grace", password}, header("Sec-Fetch-Site", "cross-site")).want(t, 403)
	}
	if got := b.get("/api/session").json("user", "username"); got != "ada" {
		t.Errorf("signed in as %v", got)
	}
}

func TestCookiesAreOutOfReach(t *testing.T) {
	for _, public := range []string{"http://tv.example", "https://tv.example", "https://tv.example:8443"} {
		t.Run(public, func(t *testing.T) {
			w := newWorld(t, func(d *Deps) { d.PublicURL = public })
			secure := strings.HasPrefix(public, "https://")
			a := w.browser().do("POST", "/api/register", form{"ada", password}).want(t, 201)
			g := w.browser().do("POST", "/api/channels/ada/chat-token", struct{}{}).want(t, 200)
			for _, c := range append(a.Cookies(), g.Cookies()...) {
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure != secure || c.Domain != "" {
					t.Errorf("cookie %s", c)
				}
			}
			if n := len(a.Cookies()) + len(g.Cookies()); n != 2 {
				t.Errorf("%d cookies, want 2", n)
			}
			if got := a.Header.Get("Strict-Transport-Security") != ""; got != (public == "https://tv.example") {
				t.Errorf("strict transport security: %v", got)
			}
		})
	}
}

func sessionOf(b *browser) *http.Cookie {
	b.w.t.Helper()
	req := must(http.NewRequest("GET", b.w.url+"/api/session", nil))
	for _, c := range b.Jar.Cookies(req.URL) {
		if c.Name == sessionCookie {
			return c
		}
	}
	b.w.t.Fatal("no session cookie")
	return nil
}

func TestSessionsEndOnTheServer(t *testing.T) {
	w := newWorld(t)
	b := w.register("ada")
	stolen := sessionOf(b)
	thief := func() answer {
		return w.browser().do("GET", "/api/session", nil, func(r *http.Request) { r.AddCookie(stolen) })
	}
	if got := thief().json("user", "username"); got != "ada" {
		t.Fatalf("the copy is of %v", got)
	}
	if _, ok, err := w.DB.App().Session(t.Context(), stolen.Value, w.Now()); ok || err != nil {
		t.Errorf("the database knows the cookie as it is: %v, %v", ok, err)
	}
	b.do("POST", "/api/signout", nil).want(t, 204)
	if got := thief().json("user"); got != nil {
		t.Errorf("after signing out the copy is of %v", got)
	}

	b.do("POST", "/api/signin", form{"ada", password}).want(t, 200)
	w.clock.pass(sessionLifetime + time.Minute)
	if got := b.get("/api/session").json("user"); got != nil {
		t.Errorf("a session of last month is of %v", got)
	}
}

// fullStore takes no session any more.
type fullStore struct{ sessionStore }

func (fullStore) CommitCtx(context.Context, string, []byte, time.Time) error {
	return fault.Down("the disk is full")
}

func TestASessionThatCannotBeKeptIsOneHonestAnswer(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	w.sessions.Store = fullStore{sessionStore{w.DB.App(), w.Now}}
	b := w.browser()
	for path, who := range map[string]form{"/api/signin": {"ada", password}, "/api/register": {"grace", password}} {
		a := b.do("POST", path, who).want(t, 503)
		if m, _ := a.json("error", "message").(string); m == "" {
			t.Errorf("%s answers %s", path, a.body)
		}
		if c := a.Cookies(); len(c) != 0 {
			t.Errorf("%s gives cookies %v", path, c)
		}
	}
	w.sessions.Store = sessionStore{w.DB.App(), w.Now}
	b.do("POST", "/api/signin", form{"grace", password}).want(t, 200)
	if got := b.get("/api/session").json("user", "username"); got != "grace" {
		t.Errorf("signed in as %v", got)
	}
}

func TestASessionPlantedBeforeSigningInIsWorthNothing(t *testing.T) {
	w := newWorld(t)
	b := w.register("ada")
	planted := sessionOf(b)
	w.register("eve")
	b.do("POST", "/api/signin", form{"eve", password}).want(t, 200) // in the same browser
	if sessionOf(b).Value == planted.Value {
		t.Error("the session's token outlived signing in")
	}
	a := w.browser().do("GET", "/api/session", nil, func(r *http.Request) { r.AddCookie(planted) })
	if got := a.json("user"); got != nil {
		t.Errorf("the old token is of %v", got)
	}
}

func TestGuessingPasswordsIsThrottled(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	w.register("grace")
	b := w.browser()
	w.clock.stop()
	w.clock.pass(time.Minute)
	for range pairBurst {
		b.do("POST", "/api/signin", form{"ada", "wrong password"}).want(t, 401)
	}
	a := b.do("POST", "/api/signin", form{"ADA", password}).want(t, 429)
	if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 1 || s > 10 {
		t.Errorf("Retry-After = %q, want up to 10", a.Header.Get("Retry-After"))
	}
	b.do("POST", "/api/signin", form{"grace", password}).want(t, 200)
	w.clock.pass(pairEvery)
	b.do("POST", "/api/signin", form{"ada", password}).want(t, 200)
	for range pairBurst {
		b.do("POST", "/api/signin", form{"ada", "wrong password"}).want(t, 401) // the right one wiped the slate
	}
}

func TestGuestsStayThemselves(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	w.register("grace")
	token := func(b *browser, name string) answer {
		t.Helper()
		return b.do("POST", "/api/channels/"+name+"/chat-token", struct{}{}).want(t, 200)
	}
	guest := w.browser()
	first := token(guest, "ada")
	id, name := first.json("userId").(string), first.json("displayName").(string)
	if !strings.HasPrefix(id, "guest-") || !strings.HasPrefix(name, "guest-") || first.json("endpoint") != chatEndpoint {
		t.Errorf("guest = %s", first.body)
	}
	if again := token(guest, "grace"); again.json("userId") != id || again.json("displayName") != name || again.json("token") == first.json("token") {
		t.Errorf("the same guest elsewhere = %s", again.body)
	}
	if other := token(w.browser(), "ada"); other.json("userId") == id {
		t.Error("two guests are one")
	}
	for who, c := range map[string]struct {
		b                        *browser
		role                     string
		send, remove, disconnect bool
	}{
		"guest":  {guest, "guest", true, false, false},
		"owner":  {ada, "owner", true, true, true},
		"viewer": {w.register("mary"), "viewer", true, false, false},
	} {
		a := token(c.b, "ada")
		pass, err := w.passes.Verify(a.json("token").(string), time.Now())
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if pass.Send != c.send || pass.Delete != c.remove || pass.Disconnect != c.disconnect || pass.Attributes["role"] != c.role {
			t.Errorf("%s holds %+v", who, pass)
		}
		if pass.UserID != a.json("userId") || pass.Attributes["displayName"] != a.json("displayName") || pass.Attributes["username"] == "" {
			t.Errorf("%s holds %+v, the page says %s", who, pass, a.body)
		}
	}
}

func TestServicesThatAreAwayAreSaidToBe(t *testing.T) {
	w := newWorld(t)
	w.away.gone(true)
	a := w.browser().do("POST", "/api/register", form{"ada", password}).want(t, 503)
	if a.Header.Get("Retry-After") == "" || bytes.Contains(a.body, []byte("EOF")) {
		t.Errorf("answer = %s", a.body)
	}
	w.away.gone(false)
	if err := w.app.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := w.register("ada")
	w.away.gone(true)
	b.do("POST", "/api/dashboard/stream-key/reveal", nil).want(t, 503)
	b.do("POST", "/api/channels/ada/chat-token", nil).want(t, 503)
}

func TestChannelOfAnotherServerShowsItsOwnIngest(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.IngestServer = "" })
	a := w.register("ada").get("/api/dashboard").want(t, 200)
	if got := fmt.Sprint(a.json("ingest")); got != "map[protocol:rtmps server:rtmps://127.0.0.1:1935/app/]" {
		t.Errorf("ingest = %s", got)
	}
}
