package ingest

import (
	"encoding/binary"

	"github.com/streamcat/streamcat/internal/media"
)

// opusPreSkip is what encoders of libopus say at 48 kHz, for those that send no header.
const opusPreSkip = 312

// parseOpusHead turns an Ogg Opus identification header (RFC 7845 §5.1), or nothing, which stands for
// stereo, into the body of a dOps box. Only one and two channels are taken (mapping family 0).
func parseOpusHead(b []byte) ([]byte, error) {
	channels, skip, rate, gain := byte(2), uint16(opusPreSkip), uint32(48000), uint16(0)
	if len(b) > 0 {
		if len(b) < 19 || string(b[:8]) != "OpusHead" || b[8]>>4 != 0 {
			return nil, badAudio(media.Opus, "the decoder configuration cannot be read")
		}
		channels = b[9]
		skip, rate = binary.LittleEndian.Uint16(b[10:]), binary.LittleEndian.Uint32(b[12:])
		gain = binary.LittleEndian.Uint16(b[16:])
		if b[18] != 0 || channels < 1 || channels > 2 {
			return nil, badAudio(media.Opus, tooManyChannels)
		}
	}
	out := binary.BigEndian.AppendUint16([]byte{0, channels}, skip)
	out = binary.BigEndian.AppendUint32(out, rate)
	return append(binary.BigEndian.AppendUint16(out, gain), 0), nil
}

const tooManyChannels = "the channel layout cannot be read, use mono or stereo"

// appendOpusHead is the other way: the header of a track whose configuration is dops.
func appendOpusHead(b, dops []byte) []byte {
	b = append(append(b, "OpusHead\x01"...), dops[1])
	b = binary.LittleEndian.AppendUint16(b, binary.BigEndian.Uint16(dops[2:]))
	b = binary.LittleEndian.AppendUint32(b, binary.BigEndian.Uint32(dops[4:]))
	b = binary.LittleEndian.AppendUint16(b, binary.BigEndian.Uint16(dops[8:]))
	return append(b, dops[10])
}
