package rtctest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Rudeness is something that a publisher sends though it did not offer it, or far too much of it.
type Rudeness struct {
	Name string
	Code string // of the event that says why its session ended
	Ends string // the reason by which metrics count it
	send func(r *Raw, seq uint16, noise []byte) error
}

// Rude are some of these.
var Rude = []Rudeness{
	{"format", "INVALID_INPUT", "garbage", func(r *Raw, seq uint16, noise []byte) error { return r.Write(r.SSRC, 77, seq, noise[:20]) }},
	{"ssrc", "INVALID_INPUT", "garbage", func(r *Raw, seq uint16, noise []byte) error {
		return r.Write(r.SSRC+uint32(seq%20), r.PayloadType, seq, noise[:20])
	}},
	{"flood", "BITRATE_EXCEEDED", "flood", func(r *Raw, seq uint16, noise []byte) error { return r.Write(r.SSRC, r.PayloadType, seq, noise) }},
}

// Pour sends it until over is true, at up to 94 Mbit/s, which is more than ten times of what is allowed. over is
// asked after each 500 packets.
func (o *Rudeness) Pour(t testing.TB, r *Raw, over func() bool) {
	t.Helper()
	noise := make([]byte, 1400)
	rand.Read(noise)
	tick := time.NewTicker(6 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for seq := uint16(0); seq%500 != 0 || !over(); seq++ {
		_ = o.send(r, seq, noise) // the goodbye may be here already
		if seq%50 != 0 {
			continue
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("nobody minds")
		}
	}
}

// Unsealed makes n bytes of noise look like the beginning of what may come to a media port, by turns: RTP, RTCP, DTLS, STUN,
// what is nothing.
func Unsealed(turn, n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	b[0] = []byte{0x80, 0x90, 22, 0, 1, 200}[turn%6]
	return b
}

// Giants are offers that are too large, and the status that each is refused with.
var Giants = []struct {
	Name   string
	Status int
	Offer  func(sdp string) string
}{
	{"of 300 KB", http.StatusRequestEntityTooLarge, func(sdp string) string { return sdp + strings.Repeat("a=x\r\n", 60_000) }},
	{"of 10,000 sections", http.StatusUnprocessableEntity, func(sdp string) string { return sdp + strings.Repeat("m=video 9 x 0\r\n", 10_000) }},
	{"of one long line", http.StatusBadRequest, func(sdp string) string { return sdp + "a=" + strings.Repeat("x", 200_000) + "\r\n" }},
}
