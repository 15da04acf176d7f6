package rtctest

import (
	"errors"
	"net"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Raw sends in the place of a publisher's video whatever it is told to, sealed like media.
type Raw struct {
	webrtc.TrackLocal // the video that was
	SSRC              uint32
	PayloadType       uint8
	to                webrtc.TrackLocalWriter
}

// Raw takes the place of a publisher's video, which sends no more.
func (p *Publisher) Raw() (*Raw, error) {
	for _, s := range p.PC.GetSenders() {
		if t := s.Track(); t != nil && t.Kind() == webrtc.RTPCodecTypeVideo {
			r := &Raw{TrackLocal: t}
			return r, s.ReplaceTrack(r)
		}
	}
	return nil, errors.New("rtctest: there is no video")
}

// Bind is called by pion.
func (r *Raw) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if p.MimeType == webrtc.MimeTypeH264 {
			r.to, r.SSRC, r.PayloadType = c.WriteStream(), uint32(c.SSRC()), uint8(p.PayloadType)
			return p, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind is called by pion.
func (r *Raw) Unbind(webrtc.TrackLocalContext) error { return nil }

// Write sends a packet with exactly these numbers.
func (r *Raw) Write(ssrc uint32, payloadType uint8, seq uint16, payload []byte) error {
	_, err := r.to.WriteRTP(&rtp.Header{Version: 2, SSRC: ssrc, PayloadType: payloadType, SequenceNumber: seq, Timestamp: 3000 * uint32(seq)}, payload)
	return err
}

// Throw sends bytes from a Mortal client's own address to the server's media port.
func (c *Client) Throw(b []byte) error {
	pair, err := c.PC.GetSenders()[0].Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return err
	}
	_, err = c.line.WriteTo(b, &net.UDPAddr{IP: net.ParseIP(pair.Remote.Address), Port: int(pair.Remote.Port)})
	return err
}
