package hls

import (
	"encoding/binary"

	"github.com/streamcat/streamcat/internal/media"
)

// Boxes of ISO/IEC 14496-12, written by appending to one slice. Everything that is written per part is
// computed to its exact size first, so that a part is a single allocation.

// open starts a box and gives where it starts; close fills in its size.
func open(b []byte, kind string) ([]byte, int) {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	return append(b, kind...), at
}

// openFull starts a box with version and flags.
func openFull(b []byte, kind string, version byte, flags uint32) ([]byte, int) {
	b, at := open(b, kind)
	return binary.BigEndian.AppendUint32(b, uint32(version)<<24|flags), at
}

func closeBox(b []byte, at int) { binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at)) }

func u16(b []byte, vs ...uint16) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

func u32(b []byte, vs ...uint32) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func zeros(b []byte, n int) []byte {
	for range n {
		b = append(b, 0)
	}
	return b
}

// Track ids of every initialization section.
const (
	videoID = 1
	audioID = 2
)

// Sample flags (ISO/IEC 14496-12 §8.8.3.1).
const (
	flagsSync    = 0x02000000 // depends on no other sample
	flagsNonSync = 0x01010000 // depends on others, is no sync sample
)

// appendInit writes an initialization section: ftyp and moov. Audio may be nil.
func appendInit(b []byte, v *videoFormat, a *audioFormat) []byte {
	b, at := open(b, "ftyp")
	b = append(b, "iso6\x00\x00\x00\x01iso6mp42cmfc"...)
	closeBox(b, at)

	b, moov := open(b, "moov")
	b, at = openFull(b, "mvhd", 0, 0)
	b = u32(b, 0, 0, 1000, 0, 0x00010000) // created, modified, timescale, duration, rate
	b = u16(b, 0x0100, 0)                 // volume
	b = zeros(b, 8)
	b = appendMatrix(b)
	b = zeros(b, 24)
	b = u32(b, audioID+1) // next track id
	closeBox(b, at)
	b = appendTrack(b, videoID, v, nil)
	if a != nil {
		b = appendTrack(b, audioID, nil, a)
	}
	b, mvex := open(b, "mvex")
	b = appendTrex(b, videoID)
	if a != nil {
		b = appendTrex(b, audioID)
	}
	closeBox(b, mvex)
	closeBox(b, moov)
	return b
}

func appendMatrix(b []byte) []byte {
	return u32(b, 0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000)
}

func appendTrex(b []byte, id uint32) []byte {
	b, at := openFull(b, "trex", 0, 0)
	b = u32(b, id, 1, 0, 0, 0)
	closeBox(b, at)
	return b
}

// appendTrack writes a trak box for one of v and a.
func appendTrack(b []byte, id uint32, v *videoFormat, a *audioFormat) []byte {
	timescale, volume, handler, name := uint32(second), uint16(0), "vide", "video\x00"
	var width, height int
	if a != nil {
		timescale, volume, handler, name = uint32(a.rate), 0x0100, "soun", "audio\x00"
	} else {
		width, height = v.width, v.height
	}
	b, trak := open(b, "trak")
	b, at := openFull(b, "tkhd", 0, 3) // enabled, in the movie
	b = u32(b, 0, 0, id, 0, 0, 0, 0)   // created, modified, id, reserved, duration, reserved
	b = u16(b, 0, 0, volume, 0)        // layer, alternate group
	b = appendMatrix(b)
	b = u32(b, uint32(width)<<16, uint32(height)<<16)
	closeBox(b, at)

	b, mdia := open(b, "mdia")
	b, at = openFull(b, "mdhd", 0, 0)
	b = u32(b, 0, 0, timescale, 0)
	b = u16(b, 0x55C4, 0) // language: undetermined
	closeBox(b, at)
	b, at = openFull(b, "hdlr", 0, 0)
	b = u32(b, 0)
	b = append(b, handler...)
	b = zeros(b, 12)
	b = append(b, name...)
	closeBox(b, at)

	b, minf := open(b, "minf")
	if a != nil {
		b, at = openFull(b, "smhd", 0, 0)
		b = zeros(b, 4)
	} else {
		b, at = openFull(b, "vmhd", 0, 1)
		b = zeros(b, 8)
	}
	closeBox(b, at)
	b, dinf := open(b, "dinf")
	b, dref := openFull(b, "dref", 0, 0)
	b = u32(b, 1)
	b, at = openFull(b, "url ", 0, 1) // the media is in the same file
	closeBox(b, at)
	closeBox(b, dref)
	closeBox(b, dinf)

	b, stbl := open(b, "stbl")
	b, stsd := openFull(b, "stsd", 0, 0)
	b = u32(b, 1)
	switch {
	case a != nil && a.track.Codec == media.Opus:
		b = appendOpus(b, a)
	case a != nil:
		b = appendMP4A(b, a)
	default:
		b = appendVisual(b, v)
	}
	closeBox(b, stsd)
	for _, kind := range []string{"stts", "stsc", "stco"} {
		b, at = openFull(b, kind, 0, 0)
		b = u32(b, 0)
		closeBox(b, at)
	}
	b, at = openFull(b, "stsz", 0, 0)
	b = u32(b, 0, 0)
	closeBox(b, at)
	closeBox(b, stbl)
	closeBox(b, minf)
	closeBox(b, mdia)
	closeBox(b, trak)
	return b
}

func appendVisual(b []byte, v *videoFormat) []byte {
	b, entry := open(b, v.entry)
	b = zeros(b, 6)
	b = u16(b, 1) // data reference
	b = zeros(b, 16)
	b = u16(b, uint16(v.width), uint16(v.height))
	b = u32(b, 0x00480000, 0x00480000, 0) // 72 dpi
	b = u16(b, 1)                         // frames per sample
	b = zeros(b, 32)                      // compressor name
	b = u16(b, 0x0018, 0xFFFF)            // depth, no colour table
	b, at := open(b, v.box)
	b = append(b, v.config...)
	closeBox(b, at)
	closeBox(b, entry)
	return b
}

func appendMP4A(b []byte, a *audioFormat) []byte {
	b, mp4a := open(b, "mp4a")
	b = zeros(b, 6)
	b = u16(b, 1) // data reference
	b = zeros(b, 8)
	b = u16(b, uint16(a.channels), 16, 0, 0)
	rate := uint32(a.rate)
	if rate > 0xFFFF {
		rate = 0 // does not fit: the decoder's configuration tells
	}
	b = u32(b, rate<<16)
	b, at := openFull(b, "esds", 0, 0) // ISO/IEC 14496-14 §5.6, 14496-1 §7.2.6
	n := len(a.config)
	b = append(b, 3, byte(3+2+13+2+n+3)) // ES_Descriptor, and what is in it
	b = u16(b, audioID)
	b = append(b, 0)
	b = append(b, 4, byte(13+2+n), 0x40, 0x15, 0, 0, 0) // DecoderConfigDescriptor: AAC, audio stream
	b = u32(b, 0, 0)
	b = append(b, 5, byte(n)) // DecoderSpecificInfo
	b = append(b, a.config...)
	b = append(b, 6, 1, 2) // SLConfigDescriptor
	closeBox(b, at)
	closeBox(b, mp4a)
	return b
}

// sample is a frame with its place on its track's timeline, in units of the track's timescale.
type sample struct {
	payload []byte
	dts     int64
	dur     uint32
	cts     int32 // presentation minus decoding time; may be negative
	key     bool
}

const (
	videoEntry = 16 // bytes of a trun entry: duration, size, flags, composition offset
	audioEntry = 8  // duration, size
	moofFixed  = 8 + 16
	trafVideo  = 8 + 16 + 20 + 20 // traf, tfhd, tfdt, trun without entries
	trafAudio  = trafVideo + 4    // tfhd with default sample flags
	trafEmpty  = 8 + 16 + 20
)

// newFragment writes a movie fragment, moof and mdat, into a slice of exactly its size, after the
// messages whose moment it begins with. A fragment without samples says that the timeline is empty from
// start on.
func newFragment(sequence uint32, start ticks, messages []message, video, audio []sample) []byte {
	front, moof, mdat := 0, moofFixed, 8
	for i := range messages {
		front += messageFixed + len(messages[i].tag)
	}
	if len(video) > 0 {
		moof += trafVideo + videoEntry*len(video)
	}
	if len(audio) > 0 {
		moof += trafAudio + audioEntry*len(audio)
	}
	if len(video)+len(audio) == 0 {
		moof += trafEmpty
	}
	videoAt := moof + mdat
	for i := range video {
		mdat += len(video[i].payload)
	}
	audioAt := moof + mdat
	for i := range audio {
		mdat += len(audio[i].payload)
	}

	b := make([]byte, 0, front+moof+mdat)
	for i := range messages {
		moment := start
		if len(video) > 0 {
			moment = ticks(video[0].dts) + ticks(video[0].cts)
		}
		b = appendMessage(b, messages[i], moment)
	}
	// Offsets are relative to the moof, so what stands before it changes none.
	b, at := open(b, "moof")
	b, box := openFull(b, "mfhd", 0, 0)
	b = u32(b, sequence)
	closeBox(b, box)
	if len(video) > 0 {
		b = appendVideoTraf(b, video, videoAt)
	}
	if len(audio) > 0 {
		b = appendAudioTraf(b, audio, audioAt)
	}
	if len(video)+len(audio) == 0 {
		var traf int
		b, traf = open(b, "traf")
		b, box = openFull(b, "tfhd", 0, 0x030000) // default-base-is-moof, duration-is-empty
		b = u32(b, videoID)
		closeBox(b, box)
		b = appendTfdt(b, int64(start))
		closeBox(b, traf)
	}
	closeBox(b, at)
	b = u32(b, uint32(mdat))
	b = append(b, "mdat"...)
	for i := range video {
		b = append(b, video[i].payload...)
	}
	for i := range audio {
		b = append(b, audio[i].payload...)
	}
	return b
}

func appendVideoTraf(b []byte, samples []sample, dataAt int) []byte {
	b, traf := open(b, "traf")
	b, at := openFull(b, "tfhd", 0, 0x020000) // default-base-is-moof
	b = u32(b, videoID)
	closeBox(b, at)
	b = appendTfdt(b, samples[0].dts)
	b, at = openFull(b, "trun", 1, 0x000F01) // version 1: signed composition offsets
	b = u32(b, uint32(len(samples)), uint32(dataAt))
	for i := range samples {
		s := &samples[i]
		flags := uint32(flagsNonSync)
		if s.key {
			flags = flagsSync
		}
		b = u32(b, s.dur, uint32(len(s.payload)), flags, uint32(s.cts))
	}
	closeBox(b, at)
	closeBox(b, traf)
	return b
}

func appendAudioTraf(b []byte, samples []sample, dataAt int) []byte {
	b, traf := open(b, "traf")
	b, at := openFull(b, "tfhd", 0, 0x020020) // default-base-is-moof, default sample flags
	b = u32(b, audioID, flagsSync)
	closeBox(b, at)
	b = appendTfdt(b, samples[0].dts)
	b, at = openFull(b, "trun", 0, 0x000301)
	b = u32(b, uint32(len(samples)), uint32(dataAt))
	for i := range samples {
		b = u32(b, samples[i].dur, uint32(len(samples[i].payload)))
	}
	closeBox(b, at)
	closeBox(b, traf)
	return b
}

func appendTfdt(b []byte, dts int64) []byte {
	b, at := openFull(b, "tfdt", 1, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(dts))
	closeBox(b, at)
	return b
}
