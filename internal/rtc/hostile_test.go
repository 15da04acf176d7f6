package rtc

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// cut is a UDP socket whose network can be cut.
type cut struct {
	net.PacketConn
	off  atomic.Bool
	drop func(b []byte) bool // of what comes in; may be nil
}

func (c *cut) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.off.Load() && (c.drop == nil || !c.drop(b[:n])) {
			return n, from, err
		}
	}
}

func (c *cut) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.off.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

func TestSilentClientIsLost(t *testing.T) {
	network := &cut{}
	var passed atomic.Int64 // beyond the time that it took
	w := newWorld(t, func(o *Options) {
		network.PacketConn = o.UDP
		o.UDP, o.TCP = network, nil
		o.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		o.Candidates = []Candidate{{IP: o.UDP.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), UDP: o.UDP.LocalAddr().(*net.UDPAddr).AddrPort().Port()}}
	})
	w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{})
	s.Await(t, rtctest.Video, 10)
	network.off.Store(true)
	passed.Store(int64(w.opts.LostAfter))
	w.until(t, "both ends", func() bool { return len(w.up.ended) > 0 && len(w.downs[0].ended) > 0 })
	if !errors.Is(w.up.ended[0], ErrLost) || !errors.Is(w.downs[0].ended[0], ErrLost) {
		t.Errorf("got %v, %v", w.up.ended[0], w.downs[0].ended[0])
	}
}

func TestLostPacketsAreAskedForAgain(t *testing.T) {
	for name, o := range map[string]rtctest.Options{"with a repair stream": {H264Only: true}, "by themselves": {}} {
		t.Run(name, func(t *testing.T) {
			network := &cut{}
			var seen atomic.Int64
			network.drop = func(b []byte) bool { // one in ten of the large packets
				return b[0]&0xc0 == 0x80 && len(b) > 300 && seen.Add(1)%10 == 5
			}
			w := newWorld(t, func(o *Options) {
				network.PacketConn = o.UDP
				o.Candidates = []Candidate{{IP: o.UDP.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), UDP: o.UDP.LocalAddr().(*net.UDPAddr).AddrPort().Port()}}
				o.UDP, o.TCP = network, nil
			})
			if name == "by themselves" {
				o.Offer = func(sdp string) string { return strings.ReplaceAll(sdp, "rtx/90000", "off/90000") }
			}
			s := &gapSink{have: map[uint16]bool{}, base: -1}
			w.publish(t, o)
			w.until(t, "video", func() bool { return w.up.sinks[Video] != nil })
			w.mu.Lock()
			w.up.sinks[Video].skip = s.note
			w.mu.Unlock()
			// 250 all come in the end, but for the odd one that was lost again and again.
			missing := 0
			w.until(t, "what was lost", func() bool {
				missing = 0
				for i := range 250 {
					if s.base < 0 || !s.have[uint16(s.base+i)] {
						missing++
					}
				}
				return missing <= 2 || len(s.have) > 1200
			})
			if missing > 2 {
				t.Errorf("%d of 250 packets were lost for good", missing)
			}
		})
	}
}

type gapSink struct {
	have map[uint16]bool
	base int
}

func (g *gapSink) note(seq uint16) bool {
	if g.base < 0 {
		g.base = int(seq) + 64 // this one may be late itself, and its successors already here
	}
	g.have[seq] = true
	return false
}

func TestSubscribersWishesAreHeard(t *testing.T) {
	w := newWorld(t, nil)
	w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{Plain: true})
	s.Await(t, rtctest.Video, 10)
	s.NACK(t, rtctest.Video, 7, 9, 100)
	s.PLI(t)
	d := w.downs[0]
	w.until(t, "wishes", func() bool { return len(d.nacked) >= 3 && d.keyFrames > 0 })
	if d.nacked[0] != 7 || d.nacked[1] != 9 || d.nacked[2] != 100 {
		t.Errorf("got %v", d.nacked)
	}
}

func TestFloodIsCut(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxBitrate = 500_000 })
	w.publish(t, rtctest.Options{Media: rtctest.Media{Bitrate: 3_000_000}})
	w.until(t, "the end", func() bool { return len(w.up.ended) > 0 })
	if !errors.Is(w.up.ended[0], ErrFlood) {
		t.Errorf("got %v", w.up.ended[0])
	}
}

// boundedSink is a Publication that takes little.
type boundedSink struct{ countSink }

func (*boundedSink) MaxBitrate() int { return 80_000 }

func TestAPublicationBoundsItsClient(t *testing.T) {
	w := newWorld(t, nil)
	o, err := parseOffer(offerText("sendonly"), true)
	if err != nil {
		t.Fatal(err)
	}
	if got := newUpstream(w.Server, o, &boundedSink{}).rate.limit; got != 10_000 {
		t.Errorf("%d bytes a second", got)
	}
	if got := newUpstream(w.Server, o, &countSink{}).rate.limit; got != 20_000_000/8 {
		t.Errorf("%d bytes a second of another one", got)
	}
}

// Reports count as media does.
func TestFloodOfReportsIsCut(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxBitrate = 500_000 })
	p := w.publish(t, rtctest.Options{NoAudio: true, Media: rtctest.Media{Bitrate: 100_000}})
	w.until(t, "media", func() bool { return len(w.up.sinks) == 1 })
	w.mu.Lock()
	s := w.up.peer.(*session)
	w.mu.Unlock()
	flood := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7, ProfileExtensions: make([]byte, 1000)}}
	limit := time.After(20 * time.Second)
	more := make(chan struct{})
	close(more)
	for {
		if p.PC.WriteRTCP(flood) != nil {
			more = nil // the goodbye is here already; done comes after it
		}
		select {
		case <-more:
		case <-s.done:
			if !errors.Is(s.reason, ErrFlood) {
				t.Errorf("got %v", s.reason)
			}
			return
		case <-limit:
			t.Fatal("nobody minds")
		}
	}
}

func TestWishesForPacketsAreBounded(t *testing.T) {
	asked := 0
	d := &downstream{senders: []*sender{{ssrc: 7, nack: func(seqs []uint16) { asked += len(seqs) }}}}
	p := &rtcp.TransportLayerNack{MediaSSRC: 7}
	for i := range uint16(350) {
		p.Nacks = append(p.Nacks, rtcp.NackPair{PacketID: 17 * i, LostPackets: 0xFFFF})
	}
	for range 100 {
		d.wantPackets(p)
	}
	if asked > 5000 {
		t.Errorf("%d packets were asked for in one second", asked)
	}
}

func TestPacketsOfNoOfferedFormatAreCut(t *testing.T) {
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{NoAudio: true})
	w.until(t, "media", func() bool { return len(w.up.sinks) == 1 })
	// A second track that our side knows nothing of: the same connection, another format.
	stray, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "stray", "stray")
	if err != nil {
		t.Fatal(err)
	}
	sender := p.PC.GetSenders()[0]
	if err := sender.ReplaceTrack(&renumbered{stray, 77}); err != nil {
		t.Fatal(err)
	}
	over := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.up.ended) > 0
	}
	for seq := uint16(0); !over(); seq++ {
		if err := stray.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{1, 2, 3}}); err != nil {
			break // the goodbye may be here before the end is told
		}
	}
	w.until(t, "the end", func() bool { return len(w.up.ended) > 0 })
	if !errors.Is(w.up.ended[0], ErrGarbage) {
		t.Errorf("got %v", w.up.ended[0])
	}
}

// renumbered is a track with a payload type that was not negotiated.
type renumbered struct {
	*webrtc.TrackLocalStaticRTP
	pt uint8
}

func (r *renumbered) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	return r.TrackLocalStaticRTP.Bind(&otherContext{c, r.pt})
}

type otherContext struct {
	webrtc.TrackLocalContext
	pt uint8
}

func (o *otherContext) CodecParameters() []webrtc.RTPCodecParameters {
	list := o.TrackLocalContext.CodecParameters()
	for i := range list {
		list[i].PayloadType = webrtc.PayloadType(o.pt)
	}
	return list
}

func TestGarbageOverUDPHarmsNobody(t *testing.T) {
	w := newWorld(t, nil)
	w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{})
	s.Await(t, rtctest.Video, 5)
	nc, err := net.Dial("udp", w.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	w.mu.Lock()
	name := w.up.peer.(*session).current.Load()
	w.mu.Unlock()
	b := make([]byte, 4000)
	for i := range 3000 {
		rand.Read(b)
		switch i % 6 {
		case 0:
			b[0] = 0x80 // RTP
		case 1:
			b[0] = 22 // DTLS
		case 2:
			nc.Write(checkBy(t, name.ufrag+":"+name.remote.ufrag, "not the password at all").Raw)
			continue
		case 3:
			nc.Write(checkBy(t, "nobody:nobody", "x").Raw)
			continue
		case 4:
			b[0] = 0
			binary.BigEndian.PutUint32(b[4:], 0x2112a442)
		}
		nc.Write(b[:1+i%len(b)])
	}
	s.Await(t, rtctest.Video, 30)
	s.Await(t, rtctest.Audio, 30)
	// Nothing of it was answered: nobody can be flooded through us.
	nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := nc.Read(b); err == nil {
		t.Errorf("%d bytes came back", n)
	}
}

// openTCP dials the server's TCP media port.
func openTCP(t *testing.T, w *world) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", w.opts.TCP.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

func TestGarbageOverTCPIsCutOff(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.patience = time.Minute })
	w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{TCP: true})
	s.Await(t, rtctest.Video, 5)
	for name, bytes := range map[string][]byte{
		"HTTP":                     []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a frame that is too long": {0xff, 0xff, 0, 1},
		"RTP before a check":       append([]byte{0, 20, 0x80}, make([]byte, 19)...),
		"many empty frames":        make([]byte, 64),
		"checks of nobody":         []byte(strings.Repeat("\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			nc := openTCP(t, w)
			if _, err := nc.Write(bytes); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, nc); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %d bytes, %v", n, err)
			}
		})
	}
	s.Await(t, rtctest.Video, 20)
}

func TestIdleStrangersOverTCPAreFewAndGo(t *testing.T) {
	for name, patience := range map[string]time.Duration{"those that are too many go at once": time.Minute, "the others go in time": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.patience = patience })
			gone := make(chan error, 2*maxStrangersPerIP)
			for range cap(gone) {
				nc := openTCP(t, w)
				go func() {
					_, err := nc.Read(make([]byte, 1))
					gone <- err
				}()
			}
			wait := cap(gone)
			if patience == time.Minute {
				wait = cap(gone) - maxStrangersPerIP
			}
			for range wait {
				if err := <-gone; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("got %v", err)
				}
			}
			if patience != time.Minute {
				w.publish(t, rtctest.Options{TCP: true}) // there is room again
			}
		})
	}
}

func TestForeignCertificateIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	_, err := rtctest.DialPublisher(t.Context(), w.http.URL+"/whip", "publisher", rtctest.Options{Patience: 3 * time.Second, Offer: func(sdp string) string {
		_, rest, _ := strings.Cut(sdp, "a=fingerprint:sha-256 ")
		shown, _, _ := strings.Cut(rest, "\r\n")
		return strings.ReplaceAll(sdp, shown, strings.Repeat("00:", 31)+"00")
	}})
	if err == nil {
		t.Error("somebody else's certificate was taken")
	}
	w.until(t, "the end", func() bool { return len(w.up.ended) > 0 })
	if !errors.Is(w.up.ended[0], ErrHandshake) || w.up.connected {
		t.Errorf("got %v", w.up.ended[0])
	}
}

func TestChecksAreAnswered(t *testing.T) {
	w := newWorld(t, nil)
	s, nc := w.offered(t), w.dial(t)
	ask := func(more ...stun.Setter) *stun.Message {
		t.Helper()
		m, answer := s.check(t, nc, more...)
		out := &stun.Message{Raw: answer}
		if err := out.Decode(); err != nil {
			t.Fatal(err)
		}
		if out.TransactionID != m.TransactionID || stun.Fingerprint.Check(out) != nil || stun.NewShortTermIntegrity(s.current.Load().pwd).Check(out) != nil {
			t.Error("the answer is not authentic")
		}
		return out
	}
	tie := stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}
	m := ask(tie)
	var mapped stun.XORMappedAddress
	if err := mapped.GetFrom(m); err != nil || m.Type != stun.BindingSuccess || mapped.String() != nc.LocalAddr().String() {
		t.Errorf("got %v %v, want our own address %v", m.Type, mapped, nc.LocalAddr())
	}
	tie.Type = stun.AttrICEControlled // as if we were to lead: we cannot
	m = ask(tie)
	var code stun.ErrorCodeAttribute
	if err := code.GetFrom(m); err != nil || m.Type != stun.BindingError || code.Code != stun.CodeRoleConflict {
		t.Errorf("got %v %v, want a role conflict", m.Type, code)
	}
}

// Whoever can forge addresses may claim a client's with a check of a session of their own; the client's next check
// takes it back.
func TestClaimedAddressIsTakenBack(t *testing.T) {
	w := newWorld(t, nil)
	nc := w.dial(t)
	client, thief := w.offered(t), w.offered(t)
	for _, s := range []*session{client, thief, client} {
		s.check(t, nc)
		w.port.mu.RLock()
		owner := w.port.addrs[nc.LocalAddr().(*net.UDPAddr).AddrPort()]
		w.port.mu.RUnlock()
		if owner != s {
			t.Fatal("the address is not the one's who spoke last")
		}
	}
}

// A customer's IPv6 network has more addresses than there are places.
func TestStrangersOfOneNetworkAreFew(t *testing.T) {
	p := &port{conns: map[*tcpConn]struct{}{}, tcpBy: map[netip.Addr]int{}, patience: time.Minute, now: time.Now}
	admitted := 0
	for i := range 2 * maxStrangersPerIP {
		here, there := net.Pipe()
		defer there.Close()
		c := &tcpConn{nc: here, port: p, remote: netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}), 1)}
		c.wake.L = &c.mu
		if p.admit(c) {
			admitted++
			defer c.close()
		}
	}
	if admitted != maxStrangersPerIP {
		t.Errorf("%d of them were let in, want %d", admitted, maxStrangersPerIP)
	}
}

func TestRestartKeepsTheSession(t *testing.T) {
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{})
	s.Await(t, rtctest.Video, 10)
	for range 2 {
		restart(t, w, p.Client)
		s.Await(t, rtctest.Video, 60)
	}
	// One that fails leaves all as it is: no client answers to these credentials.
	r := (&doorClient{w, "publisher"}).do(t, "PATCH", strings.TrimPrefix(p.Location, w.http.URL), map[string]string{
		"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*",
	}, goodFragment)
	if r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	s.Await(t, rtctest.Video, 60)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.up.ended) != 0 {
		t.Errorf("the session ended: %v", w.up.ended)
	}
}

// restart restarts a client's ICE by PATCH, and waits until media goes by the new credentials.
func restart(t *testing.T, w *world, c *rtctest.Client) {
	t.Helper()
	offer, err := c.PC.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PC)
	if err := c.PC.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	line := func(text, key string) string {
		_, rest, _ := strings.Cut(text, key)
		v, _, _ := strings.Cut(rest, "\r\n")
		return v
	}
	mine := c.PC.LocalDescription().SDP
	res, err := c.Do(t.Context(), http.MethodPatch, c.Location, map[string]string{"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"},
		"a=ice-ufrag:"+line(mine, "a=ice-ufrag:")+"\r\na=ice-pwd:"+line(mine, "a=ice-pwd:")+"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n")
	if err != nil || res.Status != 200 {
		t.Fatalf("restart: %v %+v", err, res)
	}
	answer := strings.NewReplacer(
		"a=ice-ufrag:"+line(c.Answer, "a=ice-ufrag:"), "a=ice-ufrag:"+line(res.Body, "a=ice-ufrag:"),
		"a=ice-pwd:"+line(c.Answer, "a=ice-pwd:"), "a=ice-pwd:"+line(res.Body, "a=ice-pwd:"),
	).Replace(c.Answer)
	c.Answer = answer
	before := w.session(c.Location[strings.LastIndexByte(c.Location, '/')+1:])
	want := line(res.Body, "a=ice-ufrag:")
	if err := c.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "the nomination", func() bool { return before.current.Load().ufrag == want })
	w.until(t, "one credential per session", func() bool {
		w.port.mu.RLock()
		defer w.port.mu.RUnlock()
		return len(w.port.names) == 2
	})
}
