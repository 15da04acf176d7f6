package rtc

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

var errNotConnected = errors.New("rtc: not connected yet")

const (
	rtpHeaderSize = 12
	sealSize      = 16 // what SRTP adds at most
	// maxWishes bounds a subscriber's RTCP packets per second.
	maxWishes = 500
	// maxMisses bounds the packets that it may ask for again per second: ten times what it would be sent.
	maxMisses = 5000
)

// downstream is a subscriber's direction: its senders seal what they are given straight onto the route,
// and its RTCP says what it lacks.
type downstream struct {
	srv     *Server
	s       *session
	sub     Subscription
	senders []*sender

	// Of the session's goroutine.
	in     *srtp.Context
	plain  []byte
	wishes int // in this window, which lasts a second
	misses int
	window time.Time
	seqs   []uint16
	from   ssrcSet
}

func newDownstream(srv *Server, o *offer, sub Subscription) *downstream {
	d := &downstream{srv: srv, sub: sub, plain: make([]byte, 0, maxPacket)}
	for i := range o.media {
		if m := &o.media[i]; !m.rejected {
			d.senders = append(d.senders, newSender(srv, m))
		}
	}
	return d
}

func (d *downstream) kind() string         { return "subscribe" }
func (d *downstream) every() time.Duration { return time.Second }

func (d *downstream) start(p Peer) {
	d.s, _ = p.(*session)
	list := make([]Sender, len(d.senders))
	for i, t := range d.senders {
		t.s = d.s
		list[i] = t
	}
	d.sub.Start(list, p)
}

func (d *downstream) connected(k *keys) error {
	in, err := k.inward()
	if err != nil {
		return err
	}
	d.in = in
	for _, t := range d.senders {
		out, err := k.outward()
		if err != nil {
			return err
		}
		t.out.Store(out)
	}
	d.sub.Connected()
	return nil
}

// rtp: subscribers send none.
func (d *downstream) rtp(*packet) { d.srv.metrics.dropped.alien.Inc() }

// rtcp tells the senders' owners what the subscriber lacks.
func (d *downstream) rtcp(pk *packet) {
	if pk.at.Sub(d.window) > time.Second {
		d.window, d.wishes, d.misses = pk.at, 0, 0
	}
	if d.wishes++; d.wishes > maxWishes {
		d.srv.metrics.dropped.alien.Inc()
		return
	}
	if !d.from.expects(pk.buf[4:]) {
		d.srv.metrics.dropped.alien.Inc()
		return
	}
	plain, err := d.in.DecryptRTCP(d.plain[:0], pk.buf[:pk.n], nil)
	if err != nil {
		d.srv.metrics.dropped.sealed.Inc()
		return
	}
	d.s.alive(pk.at)
	d.from.add(plain[4:])
	list, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	for _, p := range list {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication:
			d.srv.metrics.pli.Inc()
			d.wantKeyFrame(p.MediaSSRC)
		case *rtcp.FullIntraRequest:
			d.srv.metrics.fir.Inc()
			for _, f := range p.FIR {
				d.wantKeyFrame(f.SSRC)
			}
		case *rtcp.TransportLayerNack:
			d.srv.metrics.nack.Inc()
			d.wantPackets(p)
		}
	}
}

func (d *downstream) wantKeyFrame(ssrc uint32) {
	for _, t := range d.senders {
		if t.ssrc == ssrc && t.keyFrame != nil {
			t.keyFrame()
		}
	}
}

func (d *downstream) wantPackets(p *rtcp.TransportLayerNack) {
	d.seqs = d.seqs[:0]
	for _, pair := range p.Nacks {
		d.seqs = append(d.seqs, pair.PacketID)
		for i := range uint16(16) {
			if pair.LostPackets&(1<<i) != 0 {
				d.seqs = append(d.seqs, pair.PacketID+i+1)
			}
		}
	}
	d.seqs = d.seqs[:min(len(d.seqs), maxMisses-d.misses)]
	d.misses += len(d.seqs)
	for _, t := range d.senders {
		if t.ssrc == p.MediaSSRC && t.nack != nil && len(d.seqs) > 0 {
			t.nack(d.seqs)
		}
	}
}

func (d *downstream) tick(time.Time)  {}
func (d *downstream) keyFrame(uint32) {}

func (d *downstream) ended(reason error) {
	for _, t := range d.senders {
		t.closed.Store(true)
	}
	d.sub.Ended(reason)
}

// sender is one outgoing track. What it is given is sealed into its own buffer and sent from there.
type sender struct {
	srv  *Server
	s    *session
	kind Kind
	ssrc uint32
	pt   uint8

	nack     func([]uint16)
	keyFrame func()
	out      atomic.Pointer[srtp.Context] // nil until connected
	closed   atomic.Bool

	// Of whoever writes.
	header         rtp.Header
	report, sealed [128]byte
}

var _ Sender = (*sender)(nil)

func newSender(srv *Server, m *offered) *sender {
	var b [4]byte
	rand.Read(b[:])
	t := &sender{srv: srv, kind: m.kind, pt: m.format.pt, ssrc: binary.BigEndian.Uint32(b[:])}
	if t.ssrc <= ownSSRC {
		t.ssrc += 2
	}
	return t
}

func (t *sender) Kind() Kind { return t.kind }

func (t *sender) Feedback(nack func([]uint16), keyFrame func()) { t.nack, t.keyFrame = nack, keyFrame }

// WriteRTP seals and sends one packet. Header extensions and contributing sources are left out: none
// were negotiated.
func (t *sender) WriteRTP(h *rtp.Header, payload []byte) error {
	out := t.out.Load()
	if out == nil {
		return errNotConnected
	}
	if t.closed.Load() {
		return net.ErrClosed
	}
	if len(payload) > maxPacket-rtpHeaderSize-sealSize {
		return errTooLarge
	}
	b := t.s.out.begin(rtpHeaderSize + len(payload) + sealSize)
	b = append(b, 0x80, t.pt)
	if h.Marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, h.SequenceNumber)
	b = binary.BigEndian.AppendUint32(b, h.Timestamp)
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = append(b, payload...)
	b, err := out.EncryptRTP(b, b, &t.header) // in place
	if err != nil {
		t.s.out.abort()
		return err
	}
	t.s.out.commit(b)
	t.srv.metrics.packets.Inc()
	t.srv.metrics.bytes.Add(float64(len(b)))
	return nil
}

var errTooLarge = errors.New("rtc: the packet is too large")

// WriteSenderReport sends a report (RFC 3550 §6.4.1) with the name that makes one stream of both tracks.
func (t *sender) WriteSenderReport(ntp uint64, rtpTime uint32, packets, octets uint32) error {
	out := t.out.Load()
	if out == nil {
		return errNotConnected
	}
	if t.closed.Load() {
		return net.ErrClosed
	}
	b := append(t.report[:0], 0x80, 200, 0, 6)
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = binary.BigEndian.AppendUint64(b, ntp)
	b = binary.BigEndian.AppendUint32(b, rtpTime)
	b = binary.BigEndian.AppendUint32(b, packets)
	b = binary.BigEndian.AppendUint32(b, octets)
	b = append(b, 0x81, 202, 0, 4) // one chunk: SSRC, CNAME of 9 bytes, end
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = append(b, 1, 9)
	b = append(b, "streamcat"...)
	b = append(b, 0)
	sealed, err := out.EncryptRTCP(t.sealed[:0], b, nil)
	if err != nil {
		return err
	}
	t.s.out.commit(append(t.s.out.begin(len(sealed)), sealed...))
	return nil
}
