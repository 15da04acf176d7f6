package ingest

import (
	"fmt"

	"github.com/streamcat/streamcat/internal/fault"
)

// Audio and video messages carry the bodies of FLV tags: Adobe's "Video File Format Specification"
// version 10.1, annex E.4. What Enhanced RTMP adds is recognised, in order to be named in the refusal.

const (
	flvCodecAVC  = 7  // video
	flvSoundAAC  = 10 // audio
	flvEnhanced  = 0x80
	flvSoundEx   = 9 // audio: an Enhanced RTMP header follows
	flvInfoFrame = 5 // frame type of a command to the player: no picture
)

// What an AVC or AAC tag holds.
const (
	packetConfig = 0
	packetFrame  = 1
	packetEnd    = 2
)

var flvVideoCodecs = map[byte]string{
	1: "JPEG", 2: "Sorenson H.263", 3: "Screen Video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen Video 2",
	8: "H.263", 9: "MPEG-4 part 2", 12: "HEVC", 13: "AV1", 14: "VP9",
}

var flvSounds = map[byte]string{
	0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
	7: "G.711 A-law", 8: "G.711 µ-law", 11: "Speex", 13: "Opus", 14: "MP3",
}

var fourCCs = map[string]string{
	"avc1": "H.264", "hvc1": "HEVC", "hev1": "HEVC", "vvc1": "VVC", "av01": "AV1", "vp08": "VP8", "vp09": "VP9",
	"mp4a": "AAC", "Opus": "Opus", "fLaC": "FLAC", ".mp3": "MP3", "ac-3": "AC-3", "ec-3": "E-AC-3",
}

// flvTag is the body of an audio or video tag.
type flvTag struct {
	skip   bool // there is nothing in it for us
	packet byte
	offset int32 // composition time minus decoding time, ms; video only
	data   []byte
}

// parseVideoTag reads a video tag. An error is a fault that names the codec.
func parseVideoTag(b []byte) (flvTag, error) {
	if len(b) == 0 {
		return flvTag{skip: true}, nil // keep-alives of some encoders
	}
	if b[0]&flvEnhanced != 0 {
		return flvTag{}, enhancedVideo(b)
	}
	if b[0]>>4 == flvInfoFrame {
		return flvTag{skip: true}, nil
	}
	if codec := b[0] & 0x0F; codec != flvCodecAVC {
		return flvTag{}, unsupported("video", name(flvVideoCodecs, codec), "H.264")
	}
	if len(b) < 5 {
		return flvTag{}, badAVC("a tag is cut short")
	}
	// The composition offset is signed, of 24 bits.
	return flvTag{packet: b[1], offset: int32(uint24(b[2:])<<8) >> 8, data: b[5:]}, nil
}

// parseAudioTag reads an audio tag. An error is a fault that names the codec.
func parseAudioTag(b []byte) (flvTag, error) {
	if len(b) == 0 {
		return flvTag{skip: true}, nil
	}
	switch codec := b[0] >> 4; codec {
	case flvSoundAAC:
	case flvSoundEx:
		return flvTag{}, unsupported("audio", fourCC(b)+" in Enhanced RTMP", "AAC")
	default:
		return flvTag{}, unsupported("audio", name(flvSounds, codec), "AAC")
	}
	if len(b) < 2 {
		return flvTag{}, badAudio("a tag is cut short")
	}
	return flvTag{packet: b[1], data: b[2:]}, nil
}

func enhancedVideo(b []byte) error {
	codec := fourCC(b)
	if b[0]&0x0F == 6 { // a multitrack packet: its codec stands elsewhere
		codec = "multitrack video"
	}
	return unsupported("video", codec+" in Enhanced RTMP", "H.264 in plain RTMP")
}

func fourCC(b []byte) string {
	if len(b) >= 5 {
		if s, ok := fourCCs[string(b[1:5])]; ok {
			return s
		}
	}
	return "an unknown codec"
}

func name(names map[byte]string, codec byte) string {
	if s, ok := names[codec]; ok {
		return s
	}
	return fmt.Sprintf("codec %d", codec)
}

// errCodec marks faults of this kind for the metrics; the message says the rest.
var errCodec = badBytes("codec is not supported")

func unsupported(kind, got, want string) error {
	return fault.InvalidInput("%s codec not supported: the encoder sends %s, use %s", kind, got, want).Because(errCodec)
}

func badAudio(what string) error { return fault.InvalidInput("broken AAC audio: %s", what) }
