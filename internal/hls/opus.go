package hls

import (
	"encoding/binary"
	"errors"

	"github.com/streamcat/streamcat/internal/media"
)

// Opus in ISOBMFF (Encapsulation of Opus in ISO Base Media File Format, version 0.8.1): the timescale is
// 48 kHz whatever was recorded, and a sample is a packet.
const (
	opusRate    = 48000
	opusLongest = opusRate * 120 / 1000 // RFC 6716 §3.2.5
)

// opusSilence is 20 ms of silence: full band CELT, one channel, which a decoder of two plays on both.
var opusSilence = []byte{0xF8, 0xFF, 0xFE}

// newOpusFormat takes tracks of one or two channels (channel mapping family 0): all that WebRTC has.
func newOpusFormat(t *media.Track) (*audioFormat, error) {
	c := t.Config
	if len(c) != 11 || c[0] != 0 || c[10] != 0 {
		return nil, errors.New("the Opus decoder configuration is not of version 0 and mapping family 0")
	}
	if c[1] < 1 || c[1] > 2 {
		return nil, errors.New("the Opus decoder configuration has neither one channel nor two")
	}
	return &audioFormat{
		track: t, config: c, codec: t.RFC6381(), rate: opusRate, channels: int(c[1]),
		frame: opusLength(opusSilence), differ: true, silence: opusSilence,
	}, nil
}

// opusFrames is how many samples one frame of a packet has, by the configuration number of its first
// byte (RFC 6716 table 2).
var opusFrames = [32]uint16{
	480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, // SILK
	480, 960, 480, 960, // hybrid
	120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, // CELT
}

// opusLength gives how many samples a packet has (RFC 6716 §3.1); 0 if it is none.
func opusLength(packet []byte) int64 {
	if len(packet) == 0 {
		return 0
	}
	n := int64(opusFrames[packet[0]>>3])
	switch packet[0] & 3 {
	case 1, 2:
		n *= 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		n *= int64(packet[1] & 0x3F)
	}
	if n > opusLongest {
		return 0
	}
	return n
}

// appendOpus writes the sample entry (§4.3.1).
func appendOpus(b []byte, a *audioFormat) []byte {
	b, entry := open(b, "Opus")
	b = zeros(b, 6)
	b = u16(b, 1) // data reference
	b = zeros(b, 8)
	b = u16(b, uint16(a.channels), 16, 0, 0)
	b = binary.BigEndian.AppendUint32(b, opusRate<<16)
	b, at := open(b, "dOps")
	b = append(b, a.config...)
	closeBox(b, at)
	closeBox(b, entry)
	return b
}
