package rtc

import "github.com/streamcat/streamcat/internal/media"

// opusTrack describes the sound of every WebRTC publisher: RTP knows Opus as 48 kHz and two channels only
// (RFC 7587 §7), and packets of one channel decode to both. Nothing is skipped at the beginning, since a
// stream's frames are what remains of a sound that began before. The configuration is the body of a dOps
// box: version, channels, pre-skip, input sample rate, gain, mapping family.
func opusTrack() *media.Track {
	return &media.Track{
		ID: media.FirstAudio, Kind: media.Audio, Codec: media.Opus,
		Config:     []byte{0, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
		SampleRate: 48000, Channels: 2,
	}
}

// isOpus tells whether a payload can be a packet of 2.5 to 120 ms (RFC 6716 §3.1).
func isOpus(b []byte) bool {
	if len(b) == 0 || len(b) > 1275*48+100 {
		return false
	}
	if b[0]&3 != 3 {
		return true // one frame or two, of at most 60 ms
	}
	if len(b) < 2 {
		return false
	}
	n := int(b[1] & 0x3F)
	return n > 0 && n*opusFrame(b[0]) <= 120*8
}

// opusFrame gives how long a packet's frames are by its first byte, in eighths of a millisecond (RFC 6716
// table 2).
func opusFrame(toc byte) int {
	switch c := toc >> 3; {
	case c < 12: // SILK
		return [4]int{80, 160, 320, 480}[c&3]
	case c < 16: // hybrid
		return [2]int{80, 160}[c&1]
	default: // CELT
		return [4]int{20, 40, 80, 160}[c&3]
	}
}
