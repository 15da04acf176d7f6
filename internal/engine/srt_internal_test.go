package engine

import "testing"

func TestSRTEndpointIsABareHostOnItsUsualPort(t *testing.T) {
	for _, c := range []struct{ public, bound, want string }{
		{"https://live.example", "0.0.0.0:9000", "live.example"},
		{"https://live.example:8443", "127.0.0.1:9001", "live.example:9001"},
		{"http://127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1"},
		{"http://[::1]:8080", "[::1]:9000", "[::1]:9000"},
	} {
		if got := srtEndpoint(c.public, c.bound); got != c.want {
			t.Errorf("%s, bound to %s: %s, want %s", c.public, c.bound, got, c.want)
		}
	}
}
