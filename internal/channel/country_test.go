package channel_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// askFrom is a request that comes from an address.
func askFrom(m http.Handler, path, address string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 1234).String()
	m.ServeHTTP(w, r)
	return w
}

func TestAPolicyLetsOnlyItsCountriesWatch(t *testing.T) {
	h := newHouse(t, func(d *channel.Deps) {
		d.Country = func(a netip.Addr) string {
			return map[string]string{"192.0.2.1": "CH", "192.0.2.2": "FR", "2001:db8::1": "CH"}[a.String()]
		}
	})
	set := func(p channel.Policy) {
		h.viewers.change(func() { h.viewers.policies[policyARN] = p })
		h.clock.pass(time.Second)
	}
	want := func(code int, what, path, address string) *httptest.ResponseRecorder {
		t.Helper()
		w := askFrom(h, path, address)
		if w.Code != code {
			t.Errorf("%s, %s: %d %s, want %d", what, address, w.Code, w.Body, code)
		}
		return w
	}
	h.broadcast(h.Manager, "restricted")
	set(channel.Policy{AllowedCountries: []string{"CH", "LI"}})
	door := channel.PlaybackPath(h.restricted.ARN)
	playlist := channel.PlaybackRoot + uri.FindString(want(200, "the door", door, "192.0.2.1").Body.String())
	shown := want(200, "the playlist", playlist, "192.0.2.1")
	if got := shown.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("a cache may keep it for other countries: %q", got)
	}
	list, _ := hlscheck.Parse(shown.Body.String())
	part := playlist[:strings.LastIndex(playlist, "/")+1] + list.Segments[0].Parts[0].URI
	for _, path := range []string{door, playlist} {
		want(200, "the same country by IPv6", path, "2001:db8::1")
		want(403, "another country", path, "192.0.2.2")
		want(403, "nobody knows", path, "192.0.2.3")
		want(403, "this machine", path, "127.0.0.1")
		want(403, "a private network", path, "10.0.0.1")
	}
	if got := want(200, "a part, whose name cannot be guessed", part, "192.0.2.2").Header().Get("Cache-Control"); got != "max-age=3600, immutable" {
		t.Errorf("a part is not for caches: %q", got)
	}
	if n := strings.Count(h.log.String(), "unknown country"); n != 1 {
		t.Errorf("%d lines say that a country is unknown", n)
	}
	set(channel.Policy{})
	want(200, "without countries", playlist, "192.0.2.2")
	if got := want(200, "without countries", playlist, "127.0.0.1").Header().Get("Cache-Control"); got != "max-age=1" {
		t.Errorf("an open channel's playlist: %q", got)
	}
}

// A private channel's policy holds beside its tokens.
func TestCountriesHoldOnPrivateChannels(t *testing.T) {
	h := newHouse(t, func(d *channel.Deps) {
		d.Country = func(a netip.Addr) string { return map[bool]string{true: "CH", false: "FR"}[a.String() == "192.0.2.1"] }
		private := d.Directory.(directory)[privateKey]
		private.PolicyARN = policyARN
		d.Directory.(directory)[privateKey] = private
	})
	h.viewers.policies[policyARN] = channel.Policy{AllowedCountries: []string{"CH"}}
	h.broadcast(h.Manager, privateKey)
	playlist := h.open(h, h.token(), "") // from 192.0.2.1
	path := channel.PlaybackPath(h.private.ARN) + "?token=" + h.token("aws:single-use-uuid", "0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1")
	for what, path := range map[string]string{"the door": path, "the playlist": playlist} {
		if w := askFrom(h, path, "192.0.2.2"); w.Code != 403 {
			t.Errorf("%s in another country: %d", what, w.Code)
		}
		if w := askFrom(h, path, "192.0.2.1"); w.Code != 200 {
			t.Errorf("%s at home: %d; a refusal used the token up", what, w.Code)
		}
	}
}
