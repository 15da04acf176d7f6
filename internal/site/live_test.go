package site

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/streamcat/streamcat/internal/ugc"
)

// feed is a page's live feed.
type feed struct {
	*websocket.Conn
	w *world
}

func (w *world) feed(query string) *feed {
	w.t.Helper()
	c, _, err := websocket.Dial(w.t.Context(), w.url+"/api/live"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.CloseNow() })
	return &feed{c, w}
}

// next waits for the next card.
func (f *feed) next() ugc.Card {
	f.w.t.Helper()
	ctx, cancel := context.WithTimeout(f.w.t.Context(), 10*time.Second)
	defer cancel()
	for {
		kind, text, err := f.Read(ctx)
		if err != nil {
			f.w.t.Fatal(err)
		}
		var frame struct {
			Type    string
			Channel ugc.Card
		}
		err = json.Unmarshal(text, &frame)
		switch {
		case err == nil && kind == websocket.MessageText && frame.Type == "channel":
			return frame.Channel
		case string(text) != string(aliveFrame):
			f.w.t.Fatalf("frame %v %s: %v", kind, text, err)
		}
	}
}

// until waits for a card that fits.
func (f *feed) until(what string, fits func(ugc.Card) bool) {
	f.w.t.Helper()
	for {
		if c := f.next(); fits(c) {
			return
		}
	}
}

func TestPagesHearOfTheirChannelsByThemselves(t *testing.T) {
	w := newWorld(t)
	ada := w.register("Ada")
	w.register("grace")
	adaARN, graceARN := w.channelARN("ada"), w.channelARN("grace")

	page, home := w.feed("?channels=ADA,nobody"), w.feed("")
	if c := page.next(); c.Username != "Ada" || c.Live {
		t.Errorf("first card = %+v, want Ada off air", c)
	}
	w.tell(event("1", "Stream Start", "st-g", graceARN, time.Now()))
	w.tell(event("2", "Stream Start", "st-a", adaARN, time.Now()))
	if c := page.next(); c.Username != "Ada" || !c.Live || c.StartedAt == nil {
		t.Errorf("card = %+v, want Ada live", c)
	}
	home.until("both live", func(c ugc.Card) bool { return c.Username == "Ada" && c.Live })

	ada.do("PATCH", "/api/dashboard", map[string]string{"title": "Chess"}).want(t, 200)
	page.until("the title", func(c ugc.Card) bool { return c.Title == "Chess" && c.Live })
	w.tell(event("3", "Stream End", "st-a", adaARN, time.Now()))
	page.until("the end", func(c ugc.Card) bool { return !c.Live })

	late := w.feed("")
	if c := late.next(); c.Username != "grace" || !c.Live {
		t.Errorf("first card of a late page = %+v, want grace live", c)
	}
}

func TestTheLiveFeedIsOnlyForItsOwnPages(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.PublicURL = "https://tv.example" })
	for _, c := range []struct {
		name, query, origin string
		code                int
	}{
		{"no browser", "", "", 101},
		{"its own page", "", w.url, 101},
		{"its own page behind a proxy with another Host", "", "https://tv.example", 101},
		{"its own name, but unencrypted", "", "http://tv.example", 403},
		{"another site", "", "https://evil.example", 403},
		{"a sandboxed frame", "", "null", 403},
		{"too many channels", "?channels=" + manyNames(maxFollowed+1), "", 400},
		{"just enough channels", "?channels=" + manyNames(maxFollowed), "", 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			if c.origin != "" {
				h.Set("Origin", c.origin)
			}
			conn, resp, err := websocket.Dial(t.Context(), w.url+"/api/live"+c.query, &websocket.DialOptions{HTTPHeader: h})
			if err == nil {
				conn.CloseNow()
			}
			if resp == nil || resp.StatusCode != c.code {
				t.Errorf("answer = %+v, %v, want %d", resp, err, c.code)
			}
		})
	}
	w.browser().get("/api/live").want(t, http.StatusUpgradeRequired)
}

func TestOneNetworkDoesNotTakeAllLiveFeeds(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	open := func(from string) (*websocket.Conn, int) {
		t.Helper()
		h := http.Header{}
		if from != "" {
			h.Set("X-Forwarded-For", from)
		}
		c, resp, err := websocket.Dial(t.Context(), w.url+"/api/live", &websocket.DialOptions{HTTPHeader: h})
		if resp == nil {
			t.Fatal(err)
		}
		if err == nil {
			t.Cleanup(func() { c.CloseNow() })
		}
		return c, resp.StatusCode
	}
	var last *websocket.Conn
	for i := range maxPerNetwork {
		c, code := open(fmt.Sprintf("2001:db8:1:2::%d", i+1))
		if code != 101 {
			t.Fatalf("socket %d got %d", i, code)
		}
		last = c
		if _, code := open(""); code != 101 { // the proxy's own machine is not counted
			t.Fatalf("socket %d of this machine got %d", i, code)
		}
	}
	if _, code := open("2001:db8:1:2::ffff"); code != http.StatusTooManyRequests {
		t.Errorf("one too many got %d", code)
	}
	if _, code := open("2001:db8:1:3::1"); code != 101 {
		t.Errorf("another network got %d", code)
	}
	if n := testutil.ToFloat64(w.metrics.refused.WithLabelValues("network")); n != 1 {
		t.Errorf("counted %v refusals, want 1", n)
	}
	if err := last.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for code := 0; code != 101; {
		select {
		case <-tick.C:
			_, code = open("2001:db8:1:2::ffff")
		case <-late:
			t.Fatal("there is no room again after one has left")
		}
	}
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("name", i)
	}
	return strings.Join(names, ",")
}

func TestShutdownSendsPagesAwayToComeBack(t *testing.T) {
	w := newWorld(t)
	f := w.feed("")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	closed := make(chan error, 1)
	go func() {
		_, _, err := f.Read(ctx)
		closed <- err
	}()
	if err := w.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the page read %v, want going away", err)
	}
	_, resp, err := websocket.Dial(ctx, w.url+"/api/live", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a newcomer got %+v, %v", resp, err)
	}
}

func TestAPageThatCannotBeBroughtUpToDateIsSentAwayToComeBack(t *testing.T) {
	w := newWorld(t)
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "?channels=ada"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, _, err := w.feed(query).Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the page %q read %v, want going away", query, err)
		}
	}
}

func TestASlowPageGetsTheLatestOfEachChannelOrNothing(t *testing.T) {
	s := newSocket(nil)
	for i := range 3 * maxPending {
		s.offer(fmt.Sprint("channel", i%maxPending), fmt.Append(nil, i))
	}
	frames, ok := s.take()
	if !ok || len(frames) != maxPending || string(frames[0]) != fmt.Sprint(2*maxPending) {
		t.Fatalf("%d frames, the first %s, %v", len(frames), frames[0], ok)
	}
	if again, ok := s.take(); !ok || len(again) != 0 {
		t.Errorf("%d frames again", len(again))
	}
	for i := range maxPending + 1 {
		s.offer(fmt.Sprint("channel", i), nil)
	}
	if _, ok := s.take(); ok {
		t.Error("a page that is too far behind is kept")
	}
	s.close()
	s.close()
}

func TestAPageThatDoesNotReadIsDroppedAndHarmsNobody(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	idle, good := w.feed(""), w.feed("?channels=ada")
	good.next()
	card, err := w.app.Card(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	card.Title = strings.Repeat("x", 20_000)
	for i := range 3 * maxPending { // far more than the kernel keeps for a page that does not read
		card.Username = fmt.Sprint("somebody", i)
		w.live.tell(card)
	}
	w.tell(event("1", "Stream Start", "st-a", w.channelARN("ada"), time.Now()))
	good.until("the start", func(c ugc.Card) bool { return c.Live })

	// Without a single read of its own it is gone long before a write would have timed out.
	tick, late := time.NewTicker(10*time.Millisecond), time.After(writeTimeout/2)
	defer tick.Stop()
	for sockets := 2; sockets > 1; {
		select {
		case <-tick.C:
			w.live.mu.Lock()
			sockets = len(w.live.sockets)
			w.live.mu.Unlock()
		case <-late:
			t.Fatal("the page that does not read is still there")
		}
	}
	for frames := 0; ; frames++ {
		if _, _, err := idle.Read(t.Context()); err != nil {
			if frames > 2*maxPending {
				t.Errorf("it got %d frames", frames)
			}
			return
		}
	}
}
