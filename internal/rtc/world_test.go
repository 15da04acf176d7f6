package rtc

import (
	"context"
	"net"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// world is a server on loopback with a stage of its own: one publisher at a time, known by the token
// "publisher", and subscribers with the token "viewer".
type world struct {
	*Server
	http *httptest.Server
	reg  *prometheus.Registry

	want, room atomic.Int64 // what pictures would have a use for, and are told there is; want 0: nobody asks

	mu      sync.Mutex
	refuse  error // what both gates say
	up      *testPublication
	downs   []*testSubscription
	changed chan struct{}
}

func newWorld(t testing.TB, edit func(*Options)) *world {
	t.Helper()
	w := &world{changed: make(chan struct{}), reg: prometheus.NewRegistry()}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewUnstartedServer(nil)
	o := Options{UDP: udp, TCP: tcp, PublicURL: "http://" + w.http.Listener.Addr().String(), Publishers: []Publishers{nobody{}, w}, Subscribers: w, Registerer: w.reg}
	if edit != nil {
		edit(&o)
	}
	if w.Server, err = NewServer(o); err != nil {
		t.Fatal(err)
	}
	w.http.Config.Handler = w.Door()
	w.http.Start()
	t.Cleanup(func() {
		w.http.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return w
}

func (w *world) publish(t testing.TB, o rtctest.Options) *rtctest.Publisher {
	t.Helper()
	return rtctest.Publish(t, w.http.URL+"/whip", "publisher", o)
}

func (w *world) subscribe(t testing.TB, o rtctest.Options) *rtctest.Subscriber {
	t.Helper()
	return rtctest.Subscribe(t, w.http.URL+"/whip/subscribe/p1", "viewer", o)
}

// change runs f under the lock and wakes those who wait.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits for a condition, looked at under the lock with every change.
func (w *world) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		w.mu.Lock()
		done, changed := ok(), w.changed
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

func (w *world) Publish(_ context.Context, r Request) (Publication, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return nil, w.refuse
	}
	if r.Token != "publisher" {
		return nil, fault.Missing("no such token")
	}
	w.up = &testPublication{w: w, request: r, sinks: map[Kind]*testSink{}}
	return w.up, nil
}

func (w *world) Subscribe(_ context.Context, r Request) (Subscription, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return nil, w.refuse
	}
	if r.Token != "viewer" {
		return nil, Refuse(401, "TOKEN_EXPIRED", fault.AccessDenied("the token has expired"))
	}
	d := &testSubscription{w: w, request: r}
	w.downs = append(w.downs, d)
	return d, nil
}

// nobody is a gate that knows no token.
type nobody struct{}

func (nobody) Publish(context.Context, Request) (Publication, error) {
	return nil, fault.Missing("not mine")
}

type testPublication struct {
	w         *world
	request   Request
	peer      Peer
	connected bool
	sinks     map[Kind]*testSink
	ended     []error
}

func (p *testPublication) Start(peer Peer) { p.w.change(func() { p.peer = peer }) }
func (p *testPublication) Connected()      { p.w.change(func() { p.connected = true }) }
func (p *testPublication) Ended(err error) { p.w.change(func() { p.ended = append(p.ended, err) }) }

func (p *testPublication) Track(t Track, _ Peer) Sink {
	s := &testSink{w: p.w, track: t}
	p.w.change(func() { p.sinks[t.Kind] = s })
	return s
}

// testSink sends every packet on to all subscribers, as it is.
type testSink struct {
	w       *world
	track   Track
	packets int
	reports int
	closed  bool
	skip    func(seq uint16) bool
	h       rtp.Header
}

func (s *testSink) Write(b []byte, at time.Time) {
	n, err := s.h.Unmarshal(b)
	if err != nil {
		panic(err)
	}
	var to []Sender
	s.w.change(func() {
		s.packets++
		if s.skip != nil && s.skip(s.h.SequenceNumber) {
			return
		}
		for _, d := range s.w.downs {
			for _, out := range d.senders {
				if out.Kind() == s.track.Kind && d.connected {
					to = append(to, out)
				}
			}
		}
	})
	for _, out := range to {
		if want := s.w.want.Load(); want > 0 && out.Kind() == Video {
			s.w.room.Store(int64(out.Room(at, int(want))))
		}
		_ = out.WriteRTP(&s.h, b[n:])
	}
}

func (s *testSink) SenderReport(ntp uint64, rtpTime uint32, _ time.Time) {
	var to []Sender
	s.w.change(func() {
		s.reports++
		for _, d := range s.w.downs {
			for _, out := range d.senders {
				if out.Kind() == s.track.Kind && d.connected {
					to = append(to, out)
				}
			}
		}
	})
	for _, out := range to {
		_ = out.WriteSenderReport(ntp, rtpTime, 1, 1)
	}
}

func (s *testSink) Close() { s.w.change(func() { s.closed = true }) }

type testSubscription struct {
	w         *world
	request   Request
	peer      Peer
	senders   []Sender
	connected bool
	keyFrames int
	nacked    []uint16
	ended     []error
}

func (d *testSubscription) Start(senders []Sender, peer Peer) {
	d.w.change(func() { d.senders, d.peer = senders, peer })
	for _, s := range senders {
		s.Feedback(func(seqs []uint16) {
			d.w.change(func() { d.nacked = append(d.nacked, seqs...) })
		}, func() {
			var p Peer
			var ssrc uint32
			d.w.change(func() {
				d.keyFrames++
				if up := d.w.up; up != nil && up.sinks[Video] != nil {
					p, ssrc = up.peer, up.sinks[Video].track.SSRC
				}
			})
			if p != nil {
				p.KeyFrame(ssrc)
			}
		})
	}
}
func (d *testSubscription) Connected()      { d.w.change(func() { d.connected = true }) }
func (d *testSubscription) Ended(err error) { d.w.change(func() { d.ended = append(d.ended, err) }) }

func (w *world) addr() netip.AddrPort { return w.opts.UDP.LocalAddr().(*net.UDPAddr).AddrPort() }
