package engine

import (
	"slices"
	"testing"
)

// TestRelaysAreWherePeopleReachThem names the relay by the public URL, on the port of HTTPS where there is one.
func TestRelaysAreWherePeopleReachThem(t *testing.T) {
	for _, c := range []struct {
		a    Addresses
		want []string
	}{
		{
			Addresses{TURN: "127.0.0.1:3478", URL: "http://127.0.0.1:8080"},
			[]string{"turn:127.0.0.1:3478?transport=udp", "turn:127.0.0.1:3478?transport=tcp"},
		},
		{
			Addresses{TURN: "0.0.0.0:3478", URL: "https://tv.example"}, // a proxy ends the TLS, and knows no TURN
			[]string{"turn:tv.example:3478?transport=udp", "turn:tv.example:3478?transport=tcp"},
		},
		{
			Addresses{TURN: "[::]:3478", HTTPS: "0.0.0.0:8443", URL: "https://tv.example"}, // 443 leads to 8443
			[]string{"turn:tv.example:3478?transport=udp", "turns:tv.example:443?transport=tcp"},
		},
		{
			Addresses{TURN: "[::1]:3478", HTTPS: "[::1]:8443", URL: "https://[::1]:8443"},
			[]string{"turn:[::1]:3478?transport=udp", "turns:[::1]:8443?transport=tcp"},
		},
	} {
		if got := c.a.turnURLs(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.a, got, c.want)
		}
	}
}
