package rtc

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

const (
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
	line    *line

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
	d := &downstream{srv: srv, sub: sub, plain: make([]byte, 0, maxPacket), line: &line{now: srv.now}}
	var count [2]int // by kind
	for i := range o.media {
		m := &o.media[i]
		if m.rejected {
			continue
		}
		t := newSender(srv, m)
		t.line, t.stream = d.line, "streamcat"
		if n := &count[m.kind-Video]; *n > 0 {
			t.stream += "-" + strconv.Itoa(*n)
		}
		count[m.kind-Video]++
		d.senders = append(d.senders, t)
		if t.kind == Video {
			d.line.told = t.number != 0 && (d.line.told || count[0] == 1) // of all pictures, or of none
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
	d.s.alive(pk)
	d.from.add(plain[4:])
	for len(plain) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(plain[2:]))
		if size > len(plain) {
			return
		}
		d.hear(plain[:size], pk.at)
		plain = plain[size:]
	}
}

// hear takes one packet of a compound one. Those that come ten times a second are read without making anything of them.
func (d *downstream) hear(b []byte, at time.Time) {
	if b[1] == uint8(rtcp.TypeTransportSpecificFeedback) && b[0]&0x1f == rtcp.FormatTCC {
		end := len(b)
		if b[0]&0x20 != 0 {
			end -= int(b[end-1])
		}
		if end < 12 || d.line.feedback(b[12:end], at) != nil {
			d.srv.metrics.dropped.alien.Inc()
		}
		return
	}
	list, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	for _, p := range list {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			d.reported(p.Reports)
		case *rtcp.SenderReport:
			d.reported(p.Reports)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			d.line.bound(float64(p.Bitrate))
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

// reported takes what a client says of the loss of pictures: of several at once, the mean.
func (d *downstream) reported(list []rtcp.ReceptionReport) {
	sum, count := 0, 0
	for _, r := range list {
		for _, t := range d.senders {
			if t.ssrc == r.SSRC && t.kind == Video {
				sum += int(r.FractionLost)
				count++
			}
		}
	}
	if count > 0 {
		d.line.lost(uint8(sum / count))
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
