package sfubench

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// The stream: 2.6 Mbit/s at 30 frames a second.
const (
	packetSize   = 1200 // bytes of RTP
	keyPackets   = 66   // 79 kB
	otherPackets = 8
	keyEvery     = 60 // frames
	wantedEvery  = 9  // frames at least between key frames that are asked for: 0.3 s, as in browsers
	frameGap     = time.Second / 30

	headerSize = 12
	fuHeader   = 2
	stampSize  = 8
)

// source is the publisher.
type source struct {
	pc      *webrtc.PeerConnection
	session string
	counted *span
	sent    int // packets that count; to be read when it is closed
	stop    context.CancelFunc
	once    sync.Once
	wg      sync.WaitGroup
	wanted  atomic.Bool // a key frame
}

func publish(ctx context.Context, door Door, counted *span) (*source, error) {
	pc, err := newPeer(true)
	if err != nil {
		return nil, err
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}, "video", "bench")
	if err != nil {
		return nil, err
	}
	t, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, err
	}
	up := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(up) })
		}
	})
	run, stop := context.WithCancel(context.Background())
	s := &source{pc: pc, stop: stop, counted: counted}
	if s.session, err = dial(ctx, pc, door); err != nil {
		s.close()
		return nil, err
	}
	select {
	case <-up:
	case <-time.After(10 * time.Second):
		s.close()
		return nil, errors.New("not connected in 10 s")
	}
	s.wg.Go(func() { s.listen(t.Sender()) })
	s.wg.Go(func() { s.send(run, track) })
	return s, nil
}

func (s *source) listen(sender *webrtc.RTPSender) {
	for {
		list, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range list {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.wanted.Store(true)
			}
		}
	}
}

// send sends frames that say when they were made.
func (s *source) send(ctx context.Context, track *webrtc.TrackLocalStaticRTP) {
	tick := time.NewTicker(frameGap)
	defer tick.Stop()
	p := rtp.Packet{Header: rtp.Header{Version: 2}}
	for n := 0; ; n++ {
		if n >= wantedEvery && s.wanted.Swap(false) {
			n = 0
		}
		made := time.Now()
		for _, payload := range frame(n%keyEvery == 0, made) {
			p.Payload = payload.bytes
			p.Marker = payload.last
			if track.WriteRTP(&p) == nil && stamp(payload.bytes) != 0 && s.counted.holds(made.UnixNano()) {
				s.sent++
			}
			p.SequenceNumber++
		}
		p.Timestamp += 3000
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

type payload struct {
	bytes []byte
	last  bool
}

// frame makes the packets of one frame: FU-A of one slice, before a key frame its parameter sets.
func frame(key bool, made time.Time) (list []payload) {
	n, nal := otherPackets, byte(1)
	if key {
		n, nal = keyPackets, 5
		list = append(list, payload{bytes: []byte{
			0x78, 0, 14, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a, 0, 4, 0x68, 0xce, 0x3c, 0x80,
		}})
	}
	for i := range n {
		b := make([]byte, packetSize-headerSize)
		b[0], b[1] = 0x7C, nal
		if i == 0 {
			b[1] |= 0x80
		}
		if i == n-1 {
			b[1] |= 0x40
		}
		binary.BigEndian.PutUint64(b[fuHeader:], uint64(made.UnixNano()))
		list = append(list, payload{b, i == n-1})
	}
	return list
}

// stamp says when a packet's frame was made, in nanoseconds since 1970; zero if the packet does not tell.
// Servers that packetize anew cut a frame where it was cut before, as they fill packets to the same size.
func stamp(payload []byte) int64 {
	if len(payload) < fuHeader+stampSize || payload[0] != 0x7C {
		return 0
	}
	return int64(binary.BigEndian.Uint64(payload[fuHeader:]))
}

func (s *source) close() {
	s.once.Do(func() {
		s.stop()
		leave(s.pc, s.session)
		s.wg.Wait()
	})
}
