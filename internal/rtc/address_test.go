package rtc

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// A client whose NAT gives it another address knows nothing of that, and nominates nothing: media follows its checks, but only
// once nothing comes the old way any more.
func TestMediaFollowsTheChecksWhenTheAddressChanges(t *testing.T) {
	var later atomic.Int64
	w := newWorld(t, func(o *Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	if r := (&doorClient{w, "publisher"}).do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly")); r.status != 201 {
		t.Fatalf("got %d", r.status)
	}
	s := w.up.peer.(*session)
	c := s.current.Load()
	// check comes from a socket, and gives the address that media goes to afterwards.
	check := func(nc net.Conn, more ...stun.Setter) netip.AddrPort {
		t.Helper()
		list := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.ufrag + ":" + c.remote.ufrag)}, more...)
		m, err := stun.Build(append(list, stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint)...)
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(m.Raw)
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := nc.Read(make([]byte, maxPacket)); err != nil {
			t.Fatal(err)
		}
		return s.route.Load().addr
	}
	var socks [3]net.Conn
	var addrs [3]netip.AddrPort
	for i := range socks {
		nc, err := net.Dial("udp", w.addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		socks[i], addrs[i] = nc, nc.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	for _, step := range []struct {
		what  string
		after time.Duration
		from  int
		more  []stun.Setter
		want  int
	}{
		{"the first check", 0, 0, nil, 0},
		{"another address at the same time", 0, 1, nil, 0},
		{"the first one again", 2 * time.Second, 0, nil, 0},
		{"another address while the first is well", 2 * time.Second, 1, nil, 0},
		{"another address when nothing came by the first for long", 2 * time.Second, 1, nil, 1},
		{"the first one, too late", time.Second, 0, nil, 1},
		{"a third one that is nominated", 0, 2, []stun.Setter{stun.RawAttribute{Type: stun.AttrUseCandidate}}, 2},
	} {
		later.Add(int64(step.after))
		if got := check(socks[step.from], step.more...); got != addrs[step.want] {
			t.Errorf("%s: media goes to %v, want %v", step.what, got, addrs[step.want])
		}
	}
}
