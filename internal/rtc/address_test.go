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
	s := w.offered(t)
	var socks [3]net.Conn
	var addrs [3]netip.AddrPort
	for i := range socks {
		socks[i] = w.dial(t)
		addrs[i] = socks[i].LocalAddr().(*net.UDPAddr).AddrPort()
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
		s.check(t, socks[step.from], step.more...)
		if got := s.route.Load().addr; got != addrs[step.want] {
			t.Errorf("%s: media goes to %v, want %v", step.what, got, addrs[step.want])
		}
	}
}
