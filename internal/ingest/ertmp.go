package ingest

import (
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Enhanced RTMP, versions 1 and 2 (Veovera Software Organization, "Enhanced RTMP (v2)"): codecs by FourCC,
// several tracks in one connection, timestamps finer than a millisecond.

// Packet types. Video and audio have them in common but for multitrack, and for what only one of them has.
const (
	exSequenceStart      = 0
	exCodedFrames        = 1
	exSequenceEnd        = 2
	exCodedFramesX       = 3 // video: no composition offset is written, it is zero
	exMetadata           = 4 // video: how colours are meant
	exMultichannelConfig = 4 // audio
	exSequenceStartTS    = 5 // video: AV1 with a descriptor of MPEG-TS
	exAudioMultitrack    = 5
	exVideoMultitrack    = 6
	exModEx              = 7
)

// Kinds of multitrack packets.
const (
	exOneTrack             = 0
	exManyTracks           = 1
	exManyTracksManyCodecs = 2
)

const exNanoOffset = 0 // kind of ModEx data

const (
	maxModEx = 16 // ModEx data in one tag; one kind is defined
	maxNano  = 999_999
)

// packetChannels is a tag that tells of audio channels, in the words of flvTag.packet.
const packetChannels = 3

const (
	fourAVC  = "avc1"
	fourHEVC = "hvc1"
	fourAV1  = "av01"
	fourAAC  = "mp4a"
	fourOpus = "Opus"
)

// codecOf gives the codec that a FourCC names, 0 if it is not one that we take. The length of b is 4.
func codecOf(b []byte) media.Codec {
	switch string(b) {
	case fourAVC:
		return media.H264
	case fourHEVC:
		return media.HEVC
	case fourAV1:
		return media.AV1
	case fourAAC:
		return media.AAC
	case fourOpus:
		return media.Opus
	}
	return 0
}

// fourCCOf is the other way.
func fourCCOf(c media.Codec) string {
	switch c {
	case media.H264:
		return fourAVC
	case media.HEVC:
		return fourHEVC
	case media.AV1:
		return fourAV1
	case media.AAC:
		return fourAAC
	}
	return fourOpus
}

// foreignCodecs are FourCCs of codecs that we do not take, to name them in the refusal.
var foreignCodecs = map[string]string{
	"hev1": "HEVC as hev1", "vvc1": "VVC", "vp08": "VP8", "vp09": "VP9",
	"fLaC": "FLAC", ".mp3": "MP3", "ac-3": "AC-3", "ec-3": "E-AC-3",
}

func badTag(what string) error { return fault.InvalidInput("broken Enhanced RTMP tag: %s", what) }

var errTagShort = badTag("it is cut short")

// exHeader is what stands before the tracks of an enhanced tag.
type exHeader struct {
	packet     byte
	multitrack bool
	tracks     byte // kind of multitrack packet
	fourCC     []byte
	nano       uint32
}

// readExHeader reads the header after the first byte of a tag, and gives the rest. For a command, which has
// nothing that we want, rest is nil.
func readExHeader(b []byte, multitrack byte, command bool) (h exHeader, rest []byte, err error) {
	h.packet = b[0] & 0x0F
	b = b[1:]
	for n := 0; h.packet == exModEx; n++ {
		if n >= maxModEx {
			return h, nil, badTag("it has too many modifiers")
		}
		if b, err = h.modEx(b); err != nil {
			return h, nil, err
		}
	}
	if command && h.packet != exMetadata {
		return h, nil, nil
	}
	if h.packet == multitrack {
		if len(b) < 1 {
			return h, nil, errTagShort
		}
		h.multitrack, h.tracks, h.packet = true, b[0]>>4, b[0]&0x0F
		b = b[1:]
		if h.packet == multitrack || h.packet == exModEx {
			return h, nil, badTag("its tracks are of a type that tracks cannot have")
		}
		if h.tracks > exManyTracksManyCodecs {
			return h, nil, badTag("its kind of multitrack is unknown")
		}
	}
	if !h.multitrack || h.tracks != exManyTracksManyCodecs {
		if len(b) < 4 {
			return h, nil, errTagShort
		}
		h.fourCC, b = b[:4], b[4:]
	}
	return h, b, nil
}

// modEx reads one modifier, and the packet type that follows it.
func (h *exHeader) modEx(b []byte) ([]byte, error) {
	if len(b) < 1 {
		return nil, errTagShort
	}
	size := int(b[0]) + 1
	if b = b[1:]; size == 256 {
		if len(b) < 2 {
			return nil, errTagShort
		}
		size = int(b[0])<<8 + int(b[1]) + 1
		b = b[2:]
	}
	if len(b) < size+1 {
		return nil, errTagShort
	}
	if kind := b[size] >> 4; kind == exNanoOffset && size >= 3 {
		h.nano = min(uint24(b), maxNano)
	}
	h.packet = b[size] & 0x0F
	return b[size+1:], nil
}

// each calls take for each track with its FourCC and what belongs to it.
func (h *exHeader) each(b []byte, take func(fourCC []byte, track byte, data []byte) error) error {
	if !h.multitrack {
		return take(h.fourCC, 0, b)
	}
	for {
		fourCC := h.fourCC
		if h.tracks == exManyTracksManyCodecs {
			if len(b) < 4 {
				return errTagShort
			}
			fourCC, b = b[:4], b[4:]
		}
		if len(b) < 1 {
			return errTagShort
		}
		track := b[0]
		if b = b[1:]; h.tracks == exOneTrack {
			return take(fourCC, track, b)
		}
		if len(b) < 3 {
			return errTagShort
		}
		size := int(uint24(b))
		if b = b[3:]; size > len(b) {
			return badTag("a track is longer than it")
		}
		if err := take(fourCC, track, b[:size:size]); err != nil {
			return err
		}
		if b = b[size:]; len(b) == 0 {
			return nil
		}
	}
}

// eachExVideo is eachVideo for an enhanced tag.
func eachExVideo(b []byte, take func(flvTag) error) error {
	h, rest, err := readExHeader(b, exVideoMultitrack, b[0]>>4&7 == flvInfoFrame)
	if err != nil || rest == nil {
		return err
	}
	return h.each(rest, func(fourCC []byte, track byte, data []byte) error {
		t := flvTag{codec: codecOf(fourCC), track: track, nano: h.nano, data: data}
		if t.codec != media.H264 && t.codec != media.HEVC && t.codec != media.AV1 {
			return unsupported("video", fourCCName(fourCC), videoTaken)
		}
		switch h.packet {
		case exSequenceStart:
			t.packet = packetConfig
		case exCodedFrames:
			t.packet = packetFrame
			if t.codec == media.AV1 {
				break
			}
			if len(data) < 3 {
				return errTagShort
			}
			t.offset, t.data = int24(data), data[3:]
		case exCodedFramesX:
			t.packet = packetFrame
		case exSequenceEnd:
			t.packet = packetEnd
		case exMetadata:
			return nil // colours stand in the picture's own headers, too
		case exSequenceStartTS:
			// Tag and length, then what a configuration of AV1 begins with.
			if t.codec != media.AV1 || len(data) < 6 {
				return badTag("its descriptor of MPEG-TS cannot be read")
			}
			t.packet, t.data = packetConfig, data[2:6]
		default:
			return badTag("its packet type is unknown")
		}
		return take(t)
	})
}

// eachExAudio is eachAudio for an enhanced tag. Only track 0 is given out: a second one, such as a sound
// for recordings, goes to no viewer, whatever its codec.
func eachExAudio(b []byte, take func(flvTag) error) error {
	h, rest, err := readExHeader(b, exAudioMultitrack, false)
	if err != nil {
		return err
	}
	return h.each(rest, func(fourCC []byte, track byte, data []byte) error {
		if track != 0 {
			return nil
		}
		t := flvTag{codec: codecOf(fourCC), nano: h.nano, data: data}
		if t.codec != media.AAC && t.codec != media.Opus {
			return unsupported("audio", fourCCName(fourCC), audioTaken)
		}
		switch h.packet {
		case exSequenceStart:
			t.packet = packetConfig
		case exCodedFrames:
			t.packet = packetFrame
		case exSequenceEnd:
			t.packet = packetEnd
		case exMultichannelConfig:
			t.packet = packetChannels
		default:
			return badTag("its packet type is unknown")
		}
		return take(t)
	})
}

func fourCCName(fourCC []byte) string {
	if s, ok := foreignCodecs[string(fourCC)]; ok {
		return s
	}
	switch c := codecOf(fourCC); c {
	case 0:
		return "an unknown codec"
	default:
		return c.String() // sound in a video tag, or the other way round
	}
}

// What E-RTMP connections tell each other of what they can do, in the connect command and its answer.
const (
	exCanDecode  = 1 // flags of a codec
	exCanEncode  = 2
	exCanForward = 4

	exCapMultitrack = 2 // flags of capsEx
	exCapModEx      = 4
	exCapNanoOffset = 8
)

// exCapabilities gives the properties; flags are those of each codec.
func exCapabilities(flags float64) amfObject {
	return amfObject{
		{"fourCcList", []any{fourHEVC, fourAV1, fourAVC, fourOpus, fourAAC}},
		{"videoFourCcInfoMap", amfObject{{fourHEVC, flags}, {fourAV1, flags}, {fourAVC, flags}}},
		{"audioFourCcInfoMap", amfObject{{fourOpus, flags}, {fourAAC, flags}}},
		{"capsEx", float64(exCapMultitrack | exCapModEx | exCapNanoOffset)},
	}
}
