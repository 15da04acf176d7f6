package ingest

import (
	"fmt"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Audio and video messages carry the bodies of FLV tags: Adobe's "Video File Format Specification"
// version 10.1, annex E.4, and what Enhanced RTMP adds to it, which is in ertmp.go.

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

// What is taken, as refusals say it.
const (
	videoTaken = "H.264, HEVC or AV1"
	audioTaken = "AAC or Opus"
)

var flvVideoCodecs = map[byte]string{
	1: "JPEG", 2: "Sorenson H.263", 3: "Screen Video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen Video 2",
	8: "H.263", 9: "MPEG-4 part 2", 12: "HEVC without Enhanced RTMP", 13: "AV1 without Enhanced RTMP", 14: "VP9",
}

var flvSounds = map[byte]string{
	0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
	7: "G.711 A-law", 8: "G.711 µ-law", 11: "Speex", 13: "Opus without Enhanced RTMP", 14: "MP3",
}

// flvTag is what an audio or video tag holds for one track.
type flvTag struct {
	codec  media.Codec
	track  byte // as the encoder counts, from 0
	packet byte
	nano   uint32 // ns to add to the message's timestamp, under a millisecond
	offset int32  // composition time minus decoding time, ms; video only
	data   []byte
}

// eachVideo reads a video tag and calls take for each track that has something in it. An error is take's,
// or a fault that names the codec.
func eachVideo(b []byte, take func(flvTag) error) error {
	switch {
	case len(b) == 0:
		return nil // keep-alives of some encoders
	case b[0]&flvEnhanced != 0:
		return eachExVideo(b, take)
	case b[0]>>4 == flvInfoFrame:
		return nil
	}
	if codec := b[0] & 0x0F; codec != flvCodecAVC {
		return unsupported("video", name(flvVideoCodecs, codec), videoTaken)
	}
	if len(b) < 5 {
		return badAVC("a tag is cut short")
	}
	return take(flvTag{codec: media.H264, packet: b[1], offset: int24(b[2:]), data: b[5:]})
}

// eachAudio does the same for an audio tag.
func eachAudio(b []byte, take func(flvTag) error) error {
	if len(b) == 0 {
		return nil
	}
	switch codec := b[0] >> 4; codec {
	case flvSoundAAC:
	case flvSoundEx:
		return eachExAudio(b, take)
	default:
		return unsupported("audio", name(flvSounds, codec), audioTaken)
	}
	if len(b) < 2 {
		return badAudio(media.AAC, "a tag is cut short")
	}
	return take(flvTag{codec: media.AAC, packet: b[1], data: b[2:]})
}

// int24 reads a signed number of 24 bits, as composition offsets are.
func int24(b []byte) int32 { return int32(uint24(b)<<8) >> 8 }

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

// errShown is for a composition time that no player could wait for: it has room for more than two hours.
var errShown = fault.InvalidInput("broken video: the composition time of a picture is more than %d s from its decoding time", int(maxShown.Seconds()))

func badAudio(c media.Codec, what string) error {
	return fault.InvalidInput("broken %v audio: %s", c, what)
}
