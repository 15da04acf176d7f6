package site

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestThrottleCountsByAddressAndName(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	th := newThrottle(nil, func() time.Time { return now }, signInRates)
	try := func(address, name string) bool {
		_, err := th.admit(httptest.NewRecorder(), &http.Request{RemoteAddr: address}, name)
		return err == nil
	}
	for range pairBurst {
		if !try("192.0.2.1:1000", "ada") {
			t.Fatal("refused within the burst")
		}
	}
	for _, c := range []struct {
		name, address, username string
		want                    bool
	}{
		{"one too many", "192.0.2.1:1001", "ada", false},
		{"in other capitals", "192.0.2.1:1001", "ADA", false},
		{"the same address mapped to IPv6", "[::ffff:192.0.2.1]:1001", "ada", false},
		{"another name", "192.0.2.1:1001", "grace", true},
		{"another address", "192.0.2.2:1001", "ada", true},
	} {
		if got := try(c.address, c.username); got != c.want {
			t.Errorf("%s: admitted %v, want %v", c.name, got, c.want)
		}
	}
	for range pairBurst {
		try("[2001:db8:1:2::1]:1000", "ada")
	}
	if try("[2001:db8:1:2:ffff::9]:1000", "ada") {
		t.Error("another address of the same network starts anew")
	}
	if !try("[2001:db8:1:3::1]:1000", "ada") {
		t.Error("another network is refused")
	}
	now = now.Add(pairEvery)
	if !try("192.0.2.1:1000", "ada") || try("192.0.2.1:1000", "ada") {
		t.Error("after a while it should be one more, and no second")
	}
}

func TestThrottleBoundsOneAddressAndItsOwnMemory(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	th := newThrottle(nil, func() time.Time { return now }, signInRates)
	admitted := 0
	for i := range 1000 {
		if _, err := th.admit(httptest.NewRecorder(), &http.Request{RemoteAddr: "192.0.2.1:1"}, fmt.Sprint("name", i)); err == nil {
			admitted++
		}
	}
	if admitted != addressBurst {
		t.Errorf("one address tried %d names, want %d", admitted, addressBurst)
	}
	for i := range maxBuckets {
		th.admit(httptest.NewRecorder(), &http.Request{RemoteAddr: fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)}, "ada")
	}
	if th.order.Len() != maxBuckets || len(th.known) != maxBuckets {
		t.Errorf("remembers %d and %d, want %d", th.order.Len(), len(th.known), maxBuckets)
	}
}
