// Package sfu forwards the RTP of one publisher to many subscribers without decoding it and without a
// socket: an Up takes in one track, a Down gives it to one subscriber under that subscriber's own sequence
// numbers and timestamps, which go on without a break when the Down is attached to another Up.
//
// It owns the ring that retransmissions are answered from, the throttling of key frame requests, and
// sender reports. It never waits, and it allocates nothing per packet.
package sfu

import (
	"math"
	"time"
)

// Kind tells video from audio.
type Kind uint8

const (
	Video Kind = iota + 1
	Audio
)

// UpOptions says what an Up takes in.
type UpOptions struct {
	Kind         Kind
	ClockRate    uint32 // Hz; zero: 90,000 for video, 48,000 for audio
	AudioLevelID uint8  // id of the header extension of RFC 6464; 0: none

	// KeyFrame asks the publisher for a key frame. It is called at most once per 500 ms, from any
	// goroutine, and must not wait. Nil: nobody can be asked.
	KeyFrame func()
	Now      func() time.Time // nil: time.Now
}

// Up is one incoming track.
type Up struct{ opts UpOptions }

// NewUp makes an Up that nothing is attached to.
func NewUp(o UpOptions) *Up { return &Up{opts: o} }

// Write takes a whole RTP packet, keeps a copy for retransmission, and forwards it to all Downs. It never
// waits and is called from one goroutine. What is no RTP is counted and dropped.
func (u *Up) Write(packet []byte, arrived time.Time) {}

// SenderReport tells which RTP time belongs to which time of the publisher's clock (RFC 3550 §6.4.1). It
// is called from the goroutine that calls Write.
func (u *Up) SenderReport(ntp uint64, rtpTime uint32, arrived time.Time) {}

// Close ends the track. Downs stay, without a source.
func (u *Up) Close() {}

// UpStats is what an Up has seen.
type UpStats struct {
	Packets, Bytes uint64
	Lost           uint64 // never came
	Invalid        uint64 // were no RTP
	KeyFrames      uint64
	KeyFrameAsked  uint64 // requests that went to the publisher
	AudioLevel     int    // the latest, dBov: 0 (loudest) to -127 (silence); NoAudioLevel if none is known
}

// NoAudioLevel stands for an audio level that is not known.
const NoAudioLevel = math.MinInt8

// Stats may be called from any goroutine.
func (u *Up) Stats() UpStats { return UpStats{AudioLevel: NoAudioLevel} }
