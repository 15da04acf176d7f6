package rtctest

import (
	"context"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// Layer is one encoding of a simulcast.
type Layer struct {
	RID string
	// Video gives access units in Annex B, as Media's does; those of all layers begin again together, with
	// every key frame that is asked for.
	Video [][]byte
}

// addLayers offers all layers in one section.
func (p *Publisher) addLayers(c *Client, list []Layer) (tracks []*webrtc.TrackLocalStaticRTP, err error) {
	var sender *webrtc.RTPSender
	for _, l := range list {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "rtctest", webrtc.WithRTPStreamID(l.RID))
		if err != nil {
			return nil, err
		}
		if sender == nil {
			tr, err := c.PC.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			if err != nil {
				return nil, err
			}
			sender = tr.Sender()
		} else if err := sender.AddEncoding(track); err != nil {
			return nil, err
		}
		tracks = append(tracks, track)
	}
	p.layers = sender
	for _, l := range list {
		c.wg.Go(func() {
			p.feedback(func() ([]rtcp.Packet, interceptor.Attributes, error) { return sender.ReadSimulcastRTCP(l.RID) })
		})
	}
	return tracks, nil
}

// sendLayers sends a picture of each layer at a time, each packet with its layer's RID.
func (p *Publisher) sendLayers(ctx context.Context, tracks []*webrtc.TrackLocalStaticRTP, list []Layer, m Media) {
	select {
	case <-p.resume:
	case <-ctx.Done():
		return
	}
	var id uint8
	for _, e := range p.layers.GetParameters().HeaderExtensions {
		if e.URI == "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" {
			id = uint8(e.ID)
		}
	}
	var packers []rtp.Packetizer
	for range list {
		packers = append(packers, rtp.NewPacketizer(1100, 0, 0, &codecs.H264Payloader{}, rtp.NewRandomSequencer(), 90000))
	}
	gap := time.Second / time.Duration(m.FrameRate)
	tick := time.NewTicker(gap)
	defer tick.Stop()
	p.captured.Store(time.Now().UnixNano())
	for n := 0; ; n++ {
		p.captured.Add(int64(gap))
		select {
		case <-p.key:
			n = 0
		default:
		}
		for i, l := range list {
			for _, pk := range packers[i].Packetize(l.Video[n%len(l.Video)], uint32(90000/m.FrameRate)) {
				if id != 0 && pk.SetExtension(id, []byte(l.RID)) != nil {
					return
				}
				_ = tracks[i].WriteRTP(pk)
			}
		}
		p.Frames.Add(1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
