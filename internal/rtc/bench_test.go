package rtc

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// benchKeys are as DTLS would give them.
func benchKeys(profile srtp.ProtectionProfile) (ours, theirs *keys) {
	k := func(b byte, n int) []byte {
		s := make([]byte, n)
		for i := range s {
			s[i] = b + byte(i)
		}
		return s
	}
	salt := 14
	if profile == srtp.ProtectionProfileAeadAes128Gcm {
		salt = 12
	}
	ours, theirs = &keys{profile: profile}, &keys{profile: profile}
	ours.LocalMasterKey, ours.LocalMasterSalt = k(1, 16), k(2, salt)
	ours.RemoteMasterKey, ours.RemoteMasterSalt = k(3, 16), k(4, salt)
	theirs.RemoteMasterKey, theirs.RemoteMasterSalt = ours.LocalMasterKey, ours.LocalMasterSalt
	theirs.LocalMasterKey, theirs.LocalMasterSalt = ours.RemoteMasterKey, ours.RemoteMasterSalt
	return ours, theirs
}

// connectedDown is a subscriber whose ICE and DTLS have been skipped, and its client's socket.
func connectedDown(b testing.TB, w *world, profile srtp.ProtectionProfile) (*downstream, *net.UDPConn) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	if err := w.reserve(netip.Addr{}); err != nil {
		b.Fatal(err)
	}
	o, err := parseOffer(offerText("recvonly"), false)
	if err != nil {
		b.Fatal(err)
	}
	d := newDownstream(w.Server, o, &testSubscription{w: w})
	s := w.open(o, d, "viewer", netip.Addr{}, inboxDown)
	s.route.Store(&route{addr: c.LocalAddr().(*net.UDPAddr).AddrPort()})
	s.reachable.Do(func() { close(s.reached) })
	ours, _ := benchKeys(profile)
	s.secured <- ours
	w.until(b, "the keys", func() bool { return d.sub.(*testSubscription).connected })
	return d, c
}

// BenchmarkSend is what one packet to one subscriber costs: sealing and sending.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name     string
		profile  srtp.ProtectionProfile
		measured bool
	}{
		{"GCM", srtp.ProtectionProfileAeadAes128Gcm, false},
		{"GCM-measured", srtp.ProtectionProfileAeadAes128Gcm, true},
		{"CM", srtp.ProtectionProfileAes128CmHmacSha1_80, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, nil)
			d, _ := connectedDown(b, w, c.profile)
			if c.measured {
				d.senders[1].Room(time.Now(), 0)
			}
			h, payload := rtp.Header{Timestamp: 1}, make([]byte, 1180)
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				h.SequenceNumber++
				if err := d.senders[1].WriteRTP(&h, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFan is what a packet costs per subscriber when a publisher's frames of nine packets go to a
// hundred of them.
func BenchmarkFan(b *testing.B) {
	const subscribers, frame = 100, 9
	w := newWorld(b, nil)
	var list []*downstream
	for range subscribers {
		d, _ := connectedDown(b, w, srtp.ProtectionProfileAeadAes128Gcm)
		list = append(list, d)
	}
	h, payload := rtp.Header{}, make([]byte, 1180)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		h.Timestamp += 3000
		for range frame {
			h.SequenceNumber++
			for _, d := range list {
				if err := d.senders[1].WriteRTP(&h, payload); err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
	}
	for _, d := range list {
		d.s.out.flush()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
}

// countSink counts.
type countSink struct{ n int }

func (c *countSink) Write([]byte, time.Time)                { c.n++ }
func (c *countSink) SenderReport(uint64, uint32, time.Time) {}
func (c *countSink) Close()                                 {}
func (c *countSink) Track(Track, Peer) Sink                 { return c }
func (c *countSink) Start(Peer)                             {}
func (c *countSink) Connected()                             {}
func (c *countSink) Ended(error)                            {}

// BenchmarkReceive is what one packet of a publisher costs from its session's goroutine to the sink.
func BenchmarkReceive(b *testing.B) {
	w := newWorld(b, func(o *Options) { o.MaxBitrate = 1 << 50 })
	o, err := parseOffer(offerText("sendonly"), true)
	if err != nil {
		b.Fatal(err)
	}
	sink := &countSink{}
	u := newUpstream(w.Server, o, sink)
	u.start(&session{srv: w.Server, port: w.port, began: time.Now()})
	ours, theirs := benchKeys(srtp.ProtectionProfileAeadAes128Gcm)
	if err := u.connected(ours); err != nil {
		b.Fatal(err)
	}
	client, err := theirs.outward()
	if err != nil {
		b.Fatal(err)
	}
	h := rtp.Header{Version: 2, PayloadType: 108, SSRC: 3312}
	if err := h.SetExtension(3, []byte{0, 0}); err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 1180)
	seq := uint16(0)
	pool := make([]packet, 512)
	fill := func() {
		for i := range pool {
			seq++
			h.SequenceNumber = seq
			h.SetExtension(3, []byte{byte(seq >> 8), byte(seq)})
			p := rtp.Packet{Header: h, Payload: payload}
			plain, err := p.Marshal()
			if err != nil {
				b.Fatal(err)
			}
			sealed, err := client.EncryptRTP(pool[i].buf[:0], plain, nil)
			if err != nil {
				b.Fatal(err)
			}
			pool[i].n, pool[i].at = len(sealed), time.Now()
		}
	}
	b.ReportAllocs()
	i := len(pool)
	for b.Loop() {
		if i == len(pool) {
			b.StopTimer()
			fill()
			u.feedback.BuildFeedbackPacket()
			i = 0
			b.StartTimer()
		}
		u.rtp(&pool[i])
		i++
	}
	if sink.n < b.N-1 {
		b.Fatalf("%d of %d packets came through", sink.n, b.N)
	}
}
