package rtc

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	// feedbackEvery is how often a publisher hears which packets have arrived when (transport-cc), and how
	// often lost ones are looked for. Browsers expect 50 to 250 ms.
	feedbackEvery = 50 * time.Millisecond
	reportEvery   = time.Second
	// maxAlien is how many authentic packets of no offered format a publisher may send in two seconds.
	maxAlien = 1000
	// changeOver is how long a track must have been silent before another SSRC may take its place.
	changeOver = time.Second
	// ownSSRC is our SSRC in feedback to publishers, to whom we send no media.
	ownSSRC = 1
)

// upstream is a publisher's direction: RTP comes in and goes to the sinks of a Publication.
type upstream struct {
	srv *Server
	s   *session
	pub Publication

	// Of the session's goroutine.
	in       *srtp.Context
	header   rtp.Header
	plain    []byte
	byType   [128]*uptrack
	tracks   []*uptrack
	feedback *twcc.Recorder
	epoch    time.Time // of transport-cc times
	reported time.Time
	rate     rateLimit
	alien    int     // authentic packets that nothing in the offer speaks of, in this window
	media    ssrcSet // SSRCs of RTP
	from     ssrcSet // and of RTCP

	mu     sync.Mutex // guards what follows: KeyFrame comes from anywhere
	out    *srtp.Context
	sealed []byte
}

// uptrack is one incoming track. It exists from the start; ssrc and sink come with its first packet.
type uptrack struct {
	m    *offered
	rid  string   // which encoding of a simulcast; empty without
	next *uptrack // the next encoding
	ssrc uint32
	sink Sink
	recv reception
	nack nacker
	rtx  uint8 // the payload type that repairs it, or 0
	// rtxSSRC is the SSRC of the repair stream; only one is let through, so that the number of SRTP states
	// stays bounded.
	rtxSSRC uint32
	last    time.Time // when the last packet came
}

func newUpstream(srv *Server, o *offer, pub Publication) *upstream {
	u := &upstream{srv: srv, pub: pub, plain: make([]byte, 0, maxPacket), sealed: make([]byte, 0, maxPacket)}
	u.rate.limit = srv.opts.MaxBitrate / 8
	if b, ok := pub.(Bounded); ok {
		u.rate.limit = min(u.rate.limit, b.MaxBitrate()/8)
	}
	for i := range o.media {
		m := &o.media[i]
		if m.rejected {
			continue
		}
		rids := m.layers
		if len(rids) == 0 {
			rids = []string{""}
		}
		var t *uptrack
		for _, rid := range slices.Backward(rids) {
			t = &uptrack{m: m, rtx: m.rtx, rid: rid, next: t}
			u.tracks = append(u.tracks, t)
		}
		u.byType[m.format.pt] = t
		if m.rtx != 0 {
			u.byType[m.rtx] = t
		}
		if m.ids.transportCC != 0 && u.feedback == nil {
			u.feedback = twcc.NewRecorder(ownSSRC)
		}
	}
	return u
}

func (u *upstream) kind() string         { return "publish" }
func (u *upstream) every() time.Duration { return feedbackEvery }

func (u *upstream) start(p Peer) {
	u.s, _ = p.(*session)
	u.pub.Start(p)
}

func (u *upstream) connected(k *keys) error {
	in, err := k.inward()
	if err != nil {
		return err
	}
	out, err := k.outward()
	if err != nil {
		return err
	}
	u.in = in
	u.mu.Lock()
	u.out = out
	u.mu.Unlock()
	u.epoch = u.s.began // earlier than any packet
	u.reported = u.srv.now()
	u.rate.since = u.reported
	u.pub.Connected()
	return nil
}

// rtp opens one packet and hands it on.
func (u *upstream) rtp(pk *packet) {
	pt, ssrc := pk.buf[1]&0x7f, binary.BigEndian.Uint32(pk.buf[8:12])
	t, known := u.find(pt, ssrc)
	if !known && !u.media.expects(pk.buf[8:]) {
		u.srv.metrics.dropped.alien.Inc()
		return
	}
	plain, err := u.in.DecryptRTP(u.plain[:0], pk.buf[:pk.n], &u.header)
	if err != nil { // forged, damaged, or twice the same
		u.srv.metrics.dropped.sealed.Inc()
		return
	}
	u.s.alive(pk)
	u.srv.metrics.packetsIn.Inc()
	u.srv.metrics.bytesIn.Add(float64(len(plain)))
	if !u.rate.take(pk.n) {
		u.s.end(ErrFlood)
		return
	}
	if t != nil && u.feedback != nil && t.m.ids.transportCC != 0 {
		if b := u.header.GetExtension(t.m.ids.transportCC); len(b) >= 2 {
			u.feedback.Record(ssrc, binary.BigEndian.Uint16(b), pk.at.Sub(u.epoch).Microseconds())
		}
	}
	if !known {
		u.media.add(pk.buf[8:])
		if t = u.meet(t, ssrc, pk.at, emptyPacket(plain)); t == nil {
			u.srv.metrics.dropped.alien.Inc()
			if u.alien++; u.alien > maxAlien {
				u.s.end(ErrGarbage)
			}
			return
		}
	}
	if pt != t.m.format.pt {
		if plain = t.repair(plain); plain == nil {
			return
		}
	}
	t.last = pk.at
	seq := binary.BigEndian.Uint16(plain[2:])
	t.recv.packet(seq, binary.BigEndian.Uint32(plain[4:]), pk.at)
	t.nack.arrived(seq, pk.at)
	t.sink.Write(plain, pk.at)
}

// find gives the track that a packet belongs to, and whether its SSRC is known. If it is not, the track is one of
// the packet's format, if there is any.
func (u *upstream) find(pt uint8, ssrc uint32) (t *uptrack, known bool) {
	for t = u.byType[pt]; t != nil; t = t.next {
		if pt == t.m.format.pt && t.sink != nil && ssrc == t.ssrc || pt != t.m.format.pt && t.rtxSSRC != 0 && ssrc == t.rtxSSRC {
			return t, true
		}
	}
	return u.byType[pt], false
}

// meet takes up a track's SSRC with its first packet that holds media. A second SSRC of the same track is a
// simulcast encoding nobody asked for, unless the first one has fallen silent: then the client has
// changed over, and the track begins anew.
func (u *upstream) meet(t *uptrack, ssrc uint32, at time.Time, empty bool) *uptrack {
	if t != nil && t.rid != "" {
		t = u.layer(t, ssrc)
	}
	switch {
	case t == nil:
		return nil
	case u.header.PayloadType != t.m.format.pt:
		if of, known := t.m.repairs[ssrc]; t.sink == nil || known && of != t.ssrc || !known && t.rtxSSRC != 0 {
			return nil
		}
		t.rtxSSRC = ssrc
		return t
	case empty:
		return nil
	case t.sink != nil && at.Sub(t.last) < changeOver:
		return nil
	case t.sink != nil:
		t.sink.Close()
	}
	*t = uptrack{m: t.m, rid: t.rid, next: t.next, rtx: t.rtx, ssrc: ssrc, last: at, recv: reception{clock: t.m.format.clock}}
	t.nack.wanted = slices.Contains(t.m.feedback, "nack")
	t.sink = u.pub.Track(Track{
		Kind: t.m.kind, RID: t.rid, SSRC: ssrc, PayloadType: t.m.format.pt, ClockRate: t.m.format.clock,
		Fmtp: t.m.format.fmtp, AudioLevelID: t.m.ids.audioLevel,
	}, u.s)
	return t
}

// repair makes the lost packet out of a retransmission (RFC 4588 §4), in place. It gives nil when there is
// none in it: browsers probe the network with padding on the repair stream.
func (t *uptrack) repair(plain []byte) []byte {
	head, tail := packetBounds(plain)
	if tail-head < 2 {
		return nil
	}
	original := binary.BigEndian.Uint16(plain[head:])
	plain = append(plain[:head], plain[head+2:tail]...)
	plain[0] &^= 0x20
	plain[1] = plain[1]&0x80 | t.m.format.pt
	binary.BigEndian.PutUint16(plain[2:], original)
	binary.BigEndian.PutUint32(plain[8:], t.ssrc)
	return plain
}

// packetBounds gives where an RTP packet's payload begins and where it ends (RFC 3550 §5.1, §5.3.1). For
// what is no packet both are the same.
func packetBounds(plain []byte) (head, tail int) {
	if len(plain) < rtpHeaderSize {
		return 0, 0
	}
	head = rtpHeaderSize + 4*int(plain[0]&0x0f)
	if plain[0]&0x10 != 0 {
		if len(plain) < head+4 {
			return 0, 0
		}
		head += 4 + 4*int(binary.BigEndian.Uint16(plain[head+2:]))
	}
	tail = len(plain)
	if plain[0]&0x20 != 0 {
		tail -= int(plain[tail-1])
	}
	if tail < head {
		return 0, 0
	}
	return head, tail
}

// emptyPacket says whether a packet holds no media, only padding.
func emptyPacket(plain []byte) bool {
	head, tail := packetBounds(plain)
	return head == tail
}

// rtcp takes a publisher's reports.
func (u *upstream) rtcp(pk *packet) {
	if !u.from.expects(pk.buf[4:]) {
		u.srv.metrics.dropped.alien.Inc()
		return
	}
	plain, err := u.in.DecryptRTCP(u.plain[:0], pk.buf[:pk.n], nil)
	if err != nil {
		u.srv.metrics.dropped.sealed.Inc()
		return
	}
	u.s.alive(pk)
	if !u.rate.take(pk.n) {
		u.s.end(ErrFlood)
		return
	}
	u.from.add(plain[4:])
	list, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	for _, p := range list {
		sr, ok := p.(*rtcp.SenderReport)
		if !ok {
			continue
		}
		for _, t := range u.tracks {
			if t.sink != nil && t.ssrc == sr.SSRC {
				t.recv.report(sr.NTPTime, pk.at)
				t.sink.SenderReport(sr.NTPTime, sr.RTPTime, pk.at)
			}
		}
	}
}

// tick sends what a publisher wants to hear: arrival times, lost packets, and once a second a report.
func (u *upstream) tick(now time.Time) {
	if begun, over := u.rate.next(now); over {
		u.s.end(ErrFlood)
		return
	} else if begun {
		u.alien = 0
	}
	if u.feedback != nil && u.feedback.PacketsHeld() > 0 {
		for _, p := range u.feedback.BuildFeedbackPacket() {
			u.send(p)
		}
	}
	for _, t := range u.tracks {
		if pairs := t.nack.due(now); len(pairs) > 0 {
			u.srv.metrics.nacks.Add(float64(len(pairs)))
			u.send(&rtcp.TransportLayerNack{SenderSSRC: ownSSRC, MediaSSRC: t.ssrc, Nacks: pairs})
		}
	}
	if now.Sub(u.reported) < reportEvery {
		return
	}
	u.reported = now
	rr := &rtcp.ReceiverReport{SSRC: ownSSRC}
	for _, t := range u.tracks {
		if t.sink != nil {
			rr.Reports = append(rr.Reports, t.recv.block(t.ssrc, now))
		}
	}
	if len(rr.Reports) > 0 {
		u.send(rr)
	}
}

// keyFrame sends a PLI. It may be called from anywhere.
func (u *upstream) keyFrame(ssrc uint32) {
	if u.send(&rtcp.PictureLossIndication{SenderSSRC: ownSSRC, MediaSSRC: ssrc}) == nil {
		u.srv.metrics.plis.Inc()
	}
}

func (u *upstream) send(p rtcp.Packet) error {
	b, err := p.Marshal()
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.out == nil {
		return errNotConnected
	}
	u.sealed, err = u.out.EncryptRTCP(u.sealed[:0], b, nil)
	if err != nil {
		return err
	}
	return u.s.send(u.sealed)
}

func (u *upstream) ended(reason error) {
	for _, t := range u.tracks {
		if t.sink != nil {
			t.sink.Close()
		}
	}
	u.pub.Ended(reason)
}
