// Package media is the substance of a live stream: frames, the tracks they belong to, and the fan-out
// of one stream to readers that each have a bounded ring.
//
// One goroutine writes a Stream and never waits; each reader has its own goroutine. A reader that falls
// behind loses frames up to the next key frame, counts them, and slows nobody. Frames and tracks are
// read-only once written: whoever must change one copies it. Nothing here knows a protocol or a user.
//
// Lock order: Stream.mu before Reader.mu.
package media

import (
	"context"
	"net/netip"
	"strconv"
	"time"
)

// Kind tells video from audio.
type Kind uint8

const (
	Video Kind = iota + 1
	Audio
)

// String gives "video" or "audio".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return "unknown"
}

// Codec names how a track is compressed.
type Codec uint8

const (
	H264 Codec = iota + 1 // ISO/IEC 14496-10; frames are NAL units with a 4-byte length before each (ISO/IEC 14496-15)
	AAC                   // ISO/IEC 14496-3; frames are raw access units without ADTS
	Opus                  // RFC 6716; frames are packets of 2.5 to 120 ms, whose first byte tells their length
	HEVC                  // ISO/IEC 23008-2; frames as those of H264
	AV1                   // frames are temporal units: OBUs that have sizes, without delimiters (AV1 Codec ISO Media File Format Binding §2.4)
)

// String gives the codec's usual name.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H.264"
	case AAC:
		return "AAC"
	case Opus:
		return "Opus"
	case HEVC:
		return "HEVC"
	case AV1:
		return "AV1"
	}
	return "unknown"
}

// Bitrate is in bits per second.
type Bitrate int64

// String prints a bitrate as people read it, such as "2500 kb/s".
func (b Bitrate) String() string { return strconv.FormatInt(int64(b)/1000, 10) + " kb/s" }

// Track IDs begin here and stay under 64. A publisher that sends several renditions gives the best video
// FirstVideo and the others the IDs after it; FirstAudio is the sound that goes with all of them.
const (
	FirstVideo = 1
	FirstAudio = 32
)

// Track describes one elementary stream. It is immutable: an encoder that changes its parameters makes
// a new Track, so readers see a change by comparing pointers.
type Track struct {
	ID    int // unique among the stream's tracks, stable over parameter changes; see FirstVideo
	Kind  Kind
	Codec Codec

	// Config is the decoder's configuration: for H264 an AVCDecoderConfigurationRecord
	// (ISO/IEC 14496-15 §5.3.3), for HEVC an HEVCDecoderConfigurationRecord (§8.3.3), for AV1 an
	// AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding §2.3), for AAC an
	// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2), for Opus the body of a dOps box (Encapsulation of
	// Opus in ISO Base Media File Format §4.3.2).
	Config []byte

	// Video only. SPS and PPS, of H264 alone, are single NAL units without start code or length.
	SPS, PPS      []byte
	Width, Height int // picture size in pixels after cropping

	// Audio only.
	SampleRate int // Hz; 48000 for Opus
	Channels   int

	// What the encoder says of itself; zero where it says nothing.
	FrameRate float64 // frames per second
	Bitrate   Bitrate
}

// Frame is one access unit: a coded picture, or the samples of one audio frame. It is immutable.
type Frame struct {
	Track *Track
	// DTS and PTS count from an origin that is the same for all tracks of a stream. DTS never goes
	// back within a track; PTS-DTS is the composition offset and is zero for audio.
	DTS, PTS time.Duration
	// Arrived is when the frame's last byte reached this server.
	Arrived time.Time
	Key     bool   // a picture where decoding may start, such as an IDR. Always true for audio
	Payload []byte // as the codec's comment says
}

// Info is what a publisher tells of its encoder; empty fields are unknown.
type Info struct {
	Videos  int    // how many video tracks it means to send; readers may wait for the first frame of each
	Encoder string // such as "Lavf59.27.100" or "obs-output module (libobs version 29.0.2)"
}

// Publisher is somebody who asks to send a stream. Key is a secret: it must reach no log.
type Publisher struct {
	Protocol  string // "RTMP", "RTMPS", "SRT" or "WHIP"
	App       string // the RTMP application, as sent; "whip" for WHIP, "srt" for SRT
	Key       string // the stream key, without query
	Priority  int    // of a stream takeover; 0 where none is claimed
	Remote    netip.AddrPort
	Encrypted bool // the transport is
}

// Gate decides whether a publisher may start, and says where its frames go.
//
// Admit's error is a fault whose message is shown to the encoder: NotFound for an unknown key (another
// gate may know it), Denied, Conflict (the key is live elsewhere), Quota, Unavailable. The publisher
// writes the stream it is given until it ends or Done is closed, and then closes it.
type Gate interface {
	Admit(ctx context.Context, p Publisher) (*Stream, error)
}
