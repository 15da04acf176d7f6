package rtctest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Kinds of tracks.
const (
	Video = "video"
	Audio = "audio"
)

// Packet is one RTP packet that a subscriber got.
type Packet struct {
	Kind string // Video or Audio
	Mid  string // of its section
	At   time.Time
	RTP  *rtp.Packet
	// Again says that it came on the repair stream (RFC 4588), out of which RTP has been made as it was.
	Again bool
}

// KeyFrame says whether an IDR picture begins in the packet.
func (p *Packet) KeyFrame() bool {
	b := p.RTP.Payload
	if p.Kind != Video || len(b) < 2 {
		return false
	}
	switch b[0] & 0x1f {
	case 5:
		return true
	case 24: // STAP-A
		for b = b[1:]; len(b) > 2; {
			n := int(b[0])<<8 | int(b[1])
			if b[2]&0x1f == 5 {
				return true
			}
			b = b[min(2+n, len(b)):]
		}
	case 28: // FU-A
		return b[1]&0x80 != 0 && b[1]&0x1f == 5
	}
	return false
}

// received is what a subscriber has got of one kind.
type received struct {
	packets, keys int
	bytes         int64
	ssrc          uint32
	last          *rtp.Packet
}

// Subscriber is a WHEP client that receives.
type Subscriber struct {
	*Client

	mu     sync.Mutex
	got    map[string]*received
	notify chan struct{} // closed and made anew with every packet
}

// Subscribe joins and receives until the test ends.
func Subscribe(t testing.TB, endpoint, token string, o Options) *Subscriber {
	t.Helper()
	s, err := patiently(t.Context(), func(ctx context.Context) (*Subscriber, error) { return DialSubscriber(ctx, endpoint, token, o) })
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// DialSubscriber is Subscribe that gives the error, a *Refused if the door said no. The caller closes.
func DialSubscriber(ctx context.Context, endpoint, token string, o Options) (*Subscriber, error) {
	s := &Subscriber{got: map[string]*received{Video: {}, Audio: {}}, notify: make(chan struct{})}
	var err error
	s.Client, err = dial(ctx, endpoint, token, o, func(c *Client) error {
		c.PC.OnTrack(func(tr *webrtc.TrackRemote, r *webrtc.RTPReceiver) { s.read(tr, midOf(c.PC, r), o.OnPacket) })
		for _, k := range []struct {
			kind webrtc.RTPCodecType
			no   bool
		}{{webrtc.RTPCodecTypeAudio, o.NoAudio}, {webrtc.RTPCodecTypeVideo, o.NoVideo}} {
			if k.no {
				continue
			}
			for range max(o.Slots, 1) {
				if _, err := c.PC.AddTransceiverFromKind(k.kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func midOf(pc *webrtc.PeerConnection, r *webrtc.RTPReceiver) string {
	for _, t := range pc.GetTransceivers() {
		if t.Receiver() == r {
			return t.Mid()
		}
	}
	return ""
}

func (s *Subscriber) read(tr *webrtc.TrackRemote, mid string, each func(Packet)) {
	kind := tr.Kind().String()
	for {
		r, from, err := tr.ReadRTP()
		if err != nil {
			return
		}
		p := Packet{Kind: kind, Mid: mid, At: time.Now(), RTP: r, Again: from.Get(webrtc.AttributeRtxSsrc) != nil}
		s.mu.Lock()
		g := s.got[kind]
		g.packets++
		g.bytes += int64(len(r.Payload))
		g.ssrc, g.last = uint32(tr.SSRC()), r
		if p.KeyFrame() {
			g.keys++
		}
		close(s.notify)
		s.notify = make(chan struct{})
		s.mu.Unlock()
		if each != nil {
			each(p)
		}
	}
}

// Packets gives how many packets of a kind have come, and KeyFrames how many key frames.
func (s *Subscriber) Packets(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[kind].packets
}

// KeyFrames gives how many key frames have begun.
func (s *Subscriber) KeyFrames() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[Video].keys
}

// Last gives the newest packet of a kind, nil before the first.
func (s *Subscriber) Last(kind string) *rtp.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[kind].last
}

// Await waits until n more packets of a kind have come.
func (s *Subscriber) Await(t testing.TB, kind string, n int) {
	t.Helper()
	n += s.Packets(kind)
	s.Until(t, func() bool { return s.got[kind].packets >= n })
}

// AwaitKeyFrame waits until another key frame has begun.
func (s *Subscriber) AwaitKeyFrame(t testing.TB) {
	t.Helper()
	n := s.KeyFrames() + 1
	s.Until(t, func() bool { return s.got[Video].keys >= n })
}

// Until waits for a condition, which is looked at with every packet. It may look at nothing that locks.
func (s *Subscriber) Until(t testing.TB, done func() bool) {
	t.Helper()
	limit := time.NewTimer(15 * time.Second)
	defer limit.Stop()
	for {
		s.mu.Lock()
		ok, more := done(), s.notify
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("waited 15 s; got %d video and %d audio packets", s.Packets(Video), s.Packets(Audio))
		}
	}
}

// PLI asks for a key frame.
func (s *Subscriber) PLI(t testing.TB) {
	t.Helper()
	s.write(t, &rtcp.PictureLossIndication{MediaSSRC: s.ssrc(Video)})
}

// NACK asks for packets of a kind again.
func (s *Subscriber) NACK(t testing.TB, kind string, seqs ...uint16) {
	t.Helper()
	s.write(t, &rtcp.TransportLayerNack{MediaSSRC: s.ssrc(kind), Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}

func (s *Subscriber) ssrc(kind string) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[kind].ssrc
}

func (s *Subscriber) write(t testing.TB, p rtcp.Packet) {
	t.Helper()
	if err := s.PC.WriteRTCP([]rtcp.Packet{p}); err != nil {
		t.Errorf("RTCP: %v", err)
	}
}
