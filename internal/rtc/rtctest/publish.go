package rtctest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Media is what a publisher sends: by itself a made-up H.264 stream of proper shape (parameter sets,
// key frames, slices of the right size, nothing to decode) and silent Opus, or what is given here.
type Media struct {
	Bitrate   int // of the video, bits per second; default 1,000,000
	FrameRate int // default 30
	KeyEvery  int // frames; default 60. A PLI or FIR is answered by a key frame at once.
	// Mark fills the slices, so that a subscriber can tell whose picture it sees; default 0x5a.
	Mark byte
	// Video gives access units in Annex B and Audio Opus packets of 20 ms, both sent over and over; Video
	// begins with a key frame. Empty: made up.
	Video, Audio [][]byte
	// Levels, if there are any, are said of the sound's packets, one after the other, over and over (RFC 6464): 0 to 127
	// for 0 to -127 dBov.
	Levels []uint8
	// Hold sends nothing until Resume is called.
	Hold bool
}

func (m *Media) defaults() {
	if m.Bitrate <= 0 {
		m.Bitrate = 1_000_000
	}
	if m.FrameRate <= 0 {
		m.FrameRate = 30
	}
	if m.KeyEvery <= 0 {
		m.KeyEvery = 60
	}
	if m.Mark == 0 {
		m.Mark = 0x5a
	}
	if len(m.Audio) == 0 {
		m.Audio = [][]byte{{0xf8, 0xff, 0xfe}}
	}
}

// Publisher is a WHIP client that sends.
type Publisher struct {
	*Client
	PLIs      atomic.Int64 // key frames asked of it, by PLI or FIR
	NACKs     atomic.Int64 // messages that asked for packets again
	Reports   atomic.Int64 // receiver reports
	Transport atomic.Int64 // transport-cc feedback
	Frames    atomic.Int64 // pictures sent

	layers   *webrtc.RTPSender // of all layers of a simulcast
	captured atomic.Int64      // when their newest picture was made, by the stream's clock: Unix nanoseconds
	sound    *webrtc.RTPSender
	resume   chan struct{}
	key      chan struct{}
}

// Publish joins and sends until the test ends.
func Publish(t testing.TB, endpoint, token string, o Options) *Publisher {
	t.Helper()
	p, err := patiently(t.Context(), func(ctx context.Context) (*Publisher, error) { return DialPublisher(ctx, endpoint, token, o) })
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// DialPublisher is Publish that gives the error, a *Refused if the door said no. The caller closes.
func DialPublisher(ctx context.Context, endpoint, token string, o Options) (*Publisher, error) {
	o.defaults()
	p := &Publisher{resume: make(chan struct{}), key: make(chan struct{}, 1)}
	if !o.Hold {
		close(p.resume)
	}
	if len(o.Layers) > 0 {
		p.captured.Store(time.Now().UnixNano())
		o.captured = func() time.Time { return time.Unix(0, p.captured.Load()) }
	}
	var video *webrtc.TrackLocalStaticSample
	var audio *webrtc.TrackLocalStaticRTP
	var layers []*webrtc.TrackLocalStaticRTP
	var err error
	p.Client, err = dial(ctx, endpoint, token, o, func(c *Client) (err error) {
		if !o.NoAudio {
			if audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "rtctest"); err != nil {
				return err
			}
			if p.sound, err = p.send(c, audio); err != nil {
				return err
			}
		}
		if len(o.Layers) > 0 {
			if layers, err = p.addLayers(c, o.Layers); err != nil {
				return err
			}
		} else if !o.NoVideo {
			if video, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "rtctest"); err != nil {
				return err
			}
			if _, err = p.send(c, video); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	p.stop = stop
	if video != nil {
		p.wg.Go(func() { p.sendVideo(run, video, o.Media) })
	}
	if layers != nil {
		p.wg.Go(func() { p.sendLayers(run, layers, o.Layers, o.Media) })
	}
	if audio != nil {
		p.wg.Go(func() { p.sendAudio(run, audio, o.Media) })
	}
	return p, nil
}

// Resume begins to send after Hold.
func (p *Publisher) Resume() { close(p.resume) }

func (p *Publisher) send(c *Client, track webrtc.TrackLocal) (*webrtc.RTPSender, error) {
	tr, err := c.PC.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, err
	}
	c.wg.Go(func() { p.feedback(tr.Sender().ReadRTCP) })
	return tr.Sender(), nil
}

func (p *Publisher) feedback(read func() ([]rtcp.Packet, interceptor.Attributes, error)) {
	for {
		list, _, err := read()
		if err != nil {
			return
		}
		for _, one := range list {
			switch one.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.PLIs.Add(1)
				select {
				case p.key <- struct{}{}:
				default:
				}
			case *rtcp.TransportLayerNack:
				p.NACKs.Add(1)
			case *rtcp.ReceiverReport:
				p.Reports.Add(1)
			case *rtcp.TransportLayerCC:
				p.Transport.Add(1)
			}
		}
	}
}

func (p *Publisher) sendVideo(ctx context.Context, track *webrtc.TrackLocalStaticSample, m Media) {
	select {
	case <-p.resume:
	case <-ctx.Done():
		return
	}
	gap := time.Second / time.Duration(m.FrameRate)
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-p.key:
			n = 0
		default:
		}
		frame := m.frame(n)
		if track.WriteSample(media.Sample{Data: frame, Duration: gap}) == nil {
			p.Frames.Add(1)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// frame gives the n-th picture, in Annex B. Key frames are three times as large as the others.
func (m *Media) frame(n int) []byte {
	if len(m.Video) > 0 {
		return m.Video[n%len(m.Video)]
	}
	size := max(m.Bitrate/8/m.FrameRate, 64)
	if n%m.KeyEvery != 0 {
		return m.slice([]byte{0, 0, 0, 1, 0x41, 0x9a}, size)
	}
	head := []byte{
		0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a, // 640×480
		0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80,
		0, 0, 0, 1, 0x65, 0x88,
	}
	return m.slice(head, 3*size)
}

func (m *Media) slice(head []byte, size int) []byte {
	b := append(make([]byte, 0, len(head)+size), head...)
	for range size {
		b = append(b, m.Mark)
	}
	return b
}

func (p *Publisher) sendAudio(ctx context.Context, track *webrtc.TrackLocalStaticRTP, m Media) {
	select {
	case <-p.resume:
	case <-ctx.Done():
		return
	}
	const gap = 20 * time.Millisecond
	var id uint8
	for _, e := range p.sound.GetParameters().HeaderExtensions {
		if e.URI == audioLevel {
			id = uint8(e.ID)
		}
	}
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for n := 0; ; n++ {
		pk := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(960 * n)}, Payload: m.Audio[n%len(m.Audio)]}
		if id != 0 && len(m.Levels) > 0 && pk.SetExtension(id, []byte{m.Levels[n%len(m.Levels)]}) != nil {
			return
		}
		_ = track.WriteRTP(pk)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
