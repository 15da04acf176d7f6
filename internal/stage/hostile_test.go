package stage_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// talk has a talker publish and a guest watch, whose ear it gives.
func (n *node) talk(whip string) (heard *rtctest.Ear, talker *rtctest.Publisher) {
	n.t.Helper()
	talker = rtctest.Publish(n.t, whip, n.token("talker"), rtctest.Options{NoAudio: true, H264Only: true, Media: rtctest.Media{Bitrate: 200_000, KeyEvery: 1 << 30}})
	eventually(n.t, "the talker publishes", func() bool { return n.metric("publishers") == 1 })
	heard = &rtctest.Ear{}
	rtctest.Subscribe(n.t, whip+"/subscribe/talker", n.token("guest", func(s *auth.Seat) { s.Publish = false }),
		rtctest.Options{NoAudio: true, H264Only: true, OnPacket: heard.Hear}).Await(n.t, rtctest.Video, 5)
	return heard, talker
}

// TestAPublisherOfGarbageIsCutAndNobodyElseNotices: what a publisher sends that it did not offer, or far too much of it, ends
// its session with an event that says why; what it did not even seal is dropped. Meanwhile another one's packets all arrive.
func TestAPublisherOfGarbageIsCutAndNobodyElseNotices(t *testing.T) {
	n := newNode(t)
	// What counts is how much comes within two seconds: they are twenty here, so that it does not matter how fast the test is.
	began := time.Now()
	n.clock = func() time.Time { return began.Add(time.Since(began) / 10) }
	whip := n.wire()
	heard, talker := n.talk(whip)
	noise := make([]byte, 1400)
	rand.Read(noise)
	for _, c := range []struct {
		id, code, ends string
		send           func(r *rtctest.Raw, seq uint16) error
	}{
		{"format", "INVALID_INPUT", "garbage", func(r *rtctest.Raw, seq uint16) error { return r.Write(r.SSRC, 77, seq, noise[:20]) }},
		{"ssrc", "INVALID_INPUT", "garbage", func(r *rtctest.Raw, seq uint16) error {
			return r.Write(r.SSRC+uint32(seq%20), r.PayloadType, seq, noise[:20])
		}},
		{"flood", "BITRATE_EXCEEDED", "flood", func(r *rtctest.Raw, seq uint16) error { return r.Write(r.SSRC, r.PayloadType, seq, noise) }},
	} {
		t.Run(c.id, func(t *testing.T) {
			sent, seen := talker.Frames.Load(), heard.Pictures()
			p := rtctest.Publish(t, whip, n.token(c.id), rtctest.Options{NoAudio: true, H264Only: true, Media: rtctest.Media{Hold: true}})
			raw, err := p.Raw()
			check(t, err)
			tick := time.NewTicker(6 * time.Millisecond)
			defer tick.Stop()
			limit := time.After(patience)
			over := func() bool { return n.sum("rtc_ends_total", c.ends) > 0 && n.sum("rtc_sessions", "publish") == 1 }
			for seq := uint16(0); seq%500 != 0 || !over(); seq++ {
				_ = c.send(raw, seq) // the goodbye may be here already
				if seq%50 != 0 {
					continue
				}
				select { // at most 94 Mbit/s, more than ten times of what is allowed
				case <-tick.C:
				case <-limit:
					t.Fatal("nobody minds")
				}
			}
			want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR " + c.code, "PUBLISH_STOPPED", "LEFT"}
			if c.id == "format" { // of which nothing is media
				want = slices.DeleteFunc(want, func(e string) bool { return strings.HasPrefix(e, "PUBLISH_ST") })
			}
			if got := n.history(c.id); !slices.Equal(got, want) {
				t.Errorf("its history: %v, want %v", got, want)
			}
			n.wholeSince(heard, int(talker.Frames.Load()-sent)-2, seen)
		})
	}

	t.Run("unsealed", func(t *testing.T) {
		sent, seen := talker.Frames.Load(), heard.Pictures()
		p := rtctest.Publish(t, whip, n.token("unsealed"), rtctest.Options{NoAudio: true, H264Only: true, Mortal: true})
		for i := range 600 {
			b := slices.Clone(noise[i : i+400])
			b[0] = []byte{0x80, 0x90, 22, 0, 1, 200}[i%6] // RTP, RTCP, DTLS, STUN, what is nothing
			check(t, p.Throw(b))
		}
		eventually(t, "it is dropped", func() bool { return n.sum("rtc_packets_dropped_total", "sealed") > 50 })
		n.wholeSince(heard, int(talker.Frames.Load()-sent)-2, seen)
		if got := n.metric("publishers"); got != 2 {
			t.Errorf("%v publishers: it may have been somebody else who forged its address", got)
		}
	})

	t.Run("description", func(t *testing.T) {
		for name, c := range map[string]struct {
			offer  func(string) string
			status int
		}{
			"of 300 KB":          {func(sdp string) string { return sdp + strings.Repeat("a=x\r\n", 60_000) }, http.StatusRequestEntityTooLarge},
			"of 10,000 sections": {func(sdp string) string { return sdp + strings.Repeat("m=video 9 x 0\r\n", 10_000) }, http.StatusUnprocessableEntity},
			"of one long line":   {func(sdp string) string { return sdp + "a=" + strings.Repeat("x", 200_000) + "\r\n" }, http.StatusBadRequest},
		} {
			_, err := rtctest.DialPublisher(t.Context(), whip, n.token("giant"), rtctest.Options{Offer: c.offer})
			var refused *rtctest.Refused
			if !errors.As(err, &refused) || refused.Status != c.status || refused.Code == "" || refused.Detail == "" {
				t.Errorf("%s: got %v, want a problem document of %d", name, fmt.Sprintf("%.200v", err), c.status)
			} else if n.sum("rtc_refusals_total", refused.Code) == 0 {
				t.Errorf("%s: %s is not counted", name, refused.Code)
			}
		}
	})
}

// wholeSince wants all packets to have come, and so many pictures more than have been seen before.
func (n *node) wholeSince(heard *rtctest.Ear, pictures, seen int) {
	n.t.Helper()
	_, until := heard.Missing()
	eventually(n.t, "all packets of the talker have come", func() bool {
		missing, newest := heard.Missing()
		return missing == 0 && newest > until && heard.Pictures()-seen >= pictures
	})
}
