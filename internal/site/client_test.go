package site

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientsAreWhoTheTrustedProxiesSay(t *testing.T) {
	trusted := clients{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"),
	}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:1000", nil, "192.0.2.1"},
		{"no proxy, IPv6", "[2001:db8:1:2::9]:1000", nil, "2001:db8:1:2::/64"},
		{"no proxy, IPv4 in IPv6", "[::ffff:192.0.2.1]:1000", nil, "192.0.2.1"},
		{"no proxy, but a header", "192.0.2.1:1000", []string{"203.0.113.7"}, "192.0.2.1"},
		{"no proxy, but a header that names one", "192.0.2.1:1000", []string{"203.0.113.7, 10.1.0.1"}, "192.0.2.1"},
		{"no network", "@", []string{"203.0.113.7"}, "@"},
		{"a proxy that says nothing", "127.0.0.1:1000", nil, "127.0.0.1"},
		{"a proxy that says nothing to be read", "127.0.0.1:1000", []string{"203.0.113.7, unknown"}, "127.0.0.1"},
		{"a proxy that says an empty thing", "127.0.0.1:1000", []string{""}, "127.0.0.1"},
		{"a proxy", "127.0.0.1:1000", []string{"203.0.113.7"}, "203.0.113.7"},
		{"a proxy, IPv4 in IPv6", "[::ffff:127.0.0.1]:1000", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"a proxy in a zone", "[fd00::1%eth0]:1000", []string{"203.0.113.7"}, "203.0.113.7"},
		{"a proxy for IPv6", "127.0.0.1:1000", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::/64"},
		{"a proxy that tells ports", "127.0.0.1:1000", []string{"203.0.113.7:4711"}, "203.0.113.7"},
		{"a proxy that tells ports of IPv6", "127.0.0.1:1000", []string{"[2001:db8:1:2::9]:4711"}, "2001:db8:1:2::/64"},
		{"a client that lies to the proxy", "127.0.0.1:1000", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		{"a client that lies in a header of its own", "127.0.0.1:1000", []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		{"a client that poses as a proxy", "127.0.0.1:1000", []string{"10.1.0.1, 203.0.113.7"}, "203.0.113.7"},
		{"two proxies", "10.1.0.1:1000", []string{"198.51.100.1, 203.0.113.7,fd00::5"}, "203.0.113.7"},
		{"a proxy behind one that is not trusted", "10.1.0.1:1000", []string{"203.0.113.7, 10.2.0.1"}, "10.2.0.1"},
		{"a client of our own network", "10.1.0.1:1000", []string{"10.1.7.7"}, "10.1.7.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
			if got := trusted.network(r); got != c.want {
				t.Errorf("network = %s, want %s", got, c.want)
			}
			if got, direct := clients(nil).network(r), (&http.Request{RemoteAddr: c.peer}); got != clients(nil).network(direct) {
				t.Errorf("the header is read where no proxy is trusted: %s", got)
			}
		})
	}
}

func TestPeopleBehindTheProxyAreNotOneClient(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	w.register("ada")
	w.clock.stop()
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-Forwarded-For", address) }
	}
	b := w.browser()
	for range pairBurst {
		b.do("POST", "/api/signin", form{"ada", "wrong password"}, from("203.0.113.7")).want(t, 401)
	}
	b.do("POST", "/api/signin", form{"ada", password}, from("192.0.2.1, 203.0.113.7")).want(t, 429)
	b.do("POST", "/api/signin", form{"ada", password}, from("203.0.113.8")).want(t, 200)
}
