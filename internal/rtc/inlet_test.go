package rtc

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// sdpValue gives the value of an SDP attribute.
func sdpValue(t testing.TB, sdp, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(sdp, "a="+name+":")
	if !ok {
		t.Fatalf("no %s in %s", name, sdp)
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// check is a connectivity check of a client for its session.
func check(t testing.TB, c *rtctest.Client, pwd string) []byte {
	t.Helper()
	name := sdpValue(t, c.Answer, "ice-ufrag") + ":" + sdpValue(t, c.PC.LocalDescription().SDP, "ice-ufrag")
	return checkBy(t, name, pwd).Raw
}

// TestAnInletIsAWayIn has a session's client come by a relay beside its socket.
func TestAnInletIsAWayIn(t *testing.T) {
	w := newWorld(t, nil)
	c := w.publish(t, rtctest.Options{})
	from := netip.MustParseAddrPort("192.0.2.1:50000")
	var out [][]byte
	in := w.Inlet(from, func(b []byte) error {
		out = append(out, slices.Clone(b))
		return nil
	})
	pwd := sdpValue(t, c.Answer, "ice-pwd")
	for _, b := range [][]byte{nil, {0}, {200, 1, 2}, make([]byte, maxPacket), check(t, c.Client, "wrong"), check(t, c.Client, pwd)[:40]} {
		in.Deliver(b)
	}
	if len(out) != 0 || in.session != nil {
		t.Fatalf("%d answers to strangers", len(out))
	}
	in.Deliver(check(t, c.Client, pwd))
	if len(out) != 1 {
		t.Fatalf("%d answers", len(out))
	}
	m := &stun.Message{Raw: out[0]}
	var mapped stun.XORMappedAddress
	if err := m.Decode(); err != nil || m.Type != stun.BindingSuccess || mapped.GetFrom(m) != nil || mapped.String() != from.String() {
		t.Errorf("%v %v, seen as %v", m, err, mapped)
	}
	one := in.session
	if one == nil {
		t.Fatal("the inlet is nobody's")
	}
	c.Leave(t)
	select {
	case <-one.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the session does not end")
	}
	in.Deliver([]byte{200, 1, 2})
	if in.session != nil {
		t.Error("the inlet belongs to a session that is over")
	}
	if got := w.Addresses(); len(got) != 1 || got[0] != netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(w.opts.UDP.LocalAddr().(*net.UDPAddr).Port)) {
		t.Errorf("addresses %v", got)
	}
}

// TestAClientIsToldOfRelays reads the Link headers of an answer.
func TestAClientIsToldOfRelays(t *testing.T) {
	var who string
	var until time.Time
	w := newWorld(t, func(o *Options) {
		o.ICEServers = func(participant string, end time.Time) []ICEServer {
			who, until = participant, end
			return []ICEServer{{"turn:tv.example:3478?transport=udp", "1:ada", "pw+/="}, {"turns:tv.example:443?transport=tcp", "1:ada", "pw+/="}}
		}
	})
	c := w.publish(t, rtctest.Options{})
	res, err := c.Do(t.Context(), "POST", w.http.URL+"/whip", map[string]string{"Content-Type": "application/sdp"}, c.PC.LocalDescription().SDP)
	if err != nil || res.Status != 201 {
		t.Fatal(res, err)
	}
	want := []string{
		`<turn:tv.example:3478?transport=udp>; rel="ice-server"; username="1:ada"; credential="pw+/="; credential-type="password"`,
		`<turns:tv.example:443?transport=tcp>; rel="ice-server"; username="1:ada"; credential="pw+/="; credential-type="password"`,
	}
	if got := res.Header.Values("Link"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if who != "" || !until.IsZero() {
		t.Errorf("a publication that is not Seated is %q until %v", who, until)
	}
}

// knowing is a gate that knows who comes.
type knowing struct{ *world }

type visitor string

func (v visitor) Seat() (string, time.Time) { return string(v), time.Unix(1795509394, 0) }

func (knowing) Know(_ context.Context, token string, subscribe bool) (Seated, error) {
	switch {
	case token == "stream-key":
		return nil, fault.Missing("none of mine")
	case token == "publisher" && !subscribe, token == "viewer" && subscribe:
		return visitor(token), nil
	}
	return nil, errToken
}

// TestRelaysAreNamedBeforeAnOffer asks by OPTIONS, with and without a token that opens the door.
func TestRelaysAreNamedBeforeAnOffer(t *testing.T) {
	var until time.Time
	w := newWorld(t, nil)
	gate := knowing{w}
	w.opts.Publishers, w.opts.Subscribers = []Publishers{w, gate}, gate
	w.opts.ICEServers = func(participant string, end time.Time) []ICEServer {
		until = end
		return []ICEServer{{"turn:tv.example:3478?transport=udp", "1:" + participant, "pw"}}
	}
	for _, c := range []struct {
		path, authorization string
		status              int
		whom                string // who is told; empty: nobody
	}{
		{"/whip", "", 200, ""},
		{"/whip", "Bearer publisher", 200, "publisher"},
		{"/", "Bearer publisher", 200, "publisher"},
		{"/whip", "Bearer viewer", 401, ""},
		{"/whip", "Bearer stream-key", 200, ""},
		{"/whip", "Basic publisher", 401, ""},
		{"/whip/subscribe/ada", "Bearer viewer", 200, "viewer"},
		{"/whip/subscribe/ada", "Bearer publisher", 401, ""},
		{"/whip/subscribe/ada", "", 200, ""},
		{"/whip/sessions/none", "Bearer publisher", 200, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.http.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.authorization != "" {
			req.Header.Set("Authorization", c.authorization)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		var want []string
		if c.whom != "" {
			want = []string{fmt.Sprintf(`<turn:tv.example:3478?transport=udp>; rel="ice-server"; username="1:%s"; credential="pw"; credential-type="password"`, c.whom)}
			if !until.Equal(time.Unix(1795509394, 0)) {
				t.Errorf("until %v", until)
			}
		}
		if got := res.Header.Values("Link"); res.StatusCode != c.status || !slices.Equal(got, want) {
			t.Errorf("OPTIONS %s with %q: %d %q, want %d %q", c.path, c.authorization, res.StatusCode, got, c.status, want)
		}
	}
}

// FuzzInlet delivers what a stranger may send through a relay.
func FuzzInlet(f *testing.F) {
	w := newWorld(f, nil)
	c := w.publish(f, rtctest.Options{})
	f.Add(check(f, c.Client, sdpValue(f, c.Answer, "ice-pwd")))
	f.Add(check(f, c.Client, "wrong"))
	f.Add([]byte{})
	f.Add([]byte{22, 254, 253})
	f.Add([]byte{128, 200, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		answers := 0
		in := w.Inlet(netip.MustParseAddrPort("192.0.2.1:50000"), func([]byte) error {
			answers++
			return nil
		})
		in.Deliver(b)
		if (answers > 0) != (in.session != nil) {
			t.Errorf("%d answers, session %v", answers, in.session)
		}
		in.Deliver(b)
	})
}
