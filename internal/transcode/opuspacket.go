package transcode

import "time"

const opusRate = 48000

// opusSilence is 20 ms of silence.
var opusSilence = []byte{0xF8, 0xFF, 0xFE}

const silenceSamples = opusRate / 50

// opusFrames is how many samples one frame of a packet has, by its first byte (RFC 6716 table 2).
var opusFrames = [32]int64{
	480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880,
	480, 960, 480, 960,
	120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960,
}

// opusSamples gives how many samples a packet has (RFC 6716 §3.1); 0 if it is none, or longer than 120 ms.
func opusSamples(packet []byte) int64 {
	if len(packet) == 0 || len(packet) > oggLongest {
		return 0
	}
	n := opusFrames[packet[0]>>3]
	switch packet[0] & 3 {
	case 1, 2:
		n *= 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		n *= int64(packet[1] & 0x3F)
	}
	if n > opusRate*120/1000 {
		return 0
	}
	return n
}

// samplesIn gives how many samples there are in a time, durationOf how long samples take, at a rate per second.
func samplesIn(d time.Duration, rate int64) int64 {
	return int64(d/time.Second)*rate + int64(d%time.Second)*rate/int64(time.Second)
}

func durationOf(samples, rate int64) time.Duration {
	return time.Duration(samples/rate)*time.Second + time.Duration(samples%rate)*time.Second/time.Duration(rate)
}
