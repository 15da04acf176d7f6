package stage_test

import (
	"errors"
	"fmt"
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
	for _, c := range rtctest.Rude {
		t.Run(c.Name, func(t *testing.T) {
			sent, seen := talker.Frames.Load(), heard.Pictures()
			p := rtctest.Publish(t, whip, n.token(c.Name), rtctest.Options{NoAudio: true, H264Only: true, Media: rtctest.Media{Hold: true}})
			raw, err := p.Raw()
			check(t, err)
			c.Pour(t, raw, func() bool { return n.sum("rtc_ends_total", c.Ends) > 0 && n.sum("rtc_sessions", "publish") == 1 })
			want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR " + c.Code, "PUBLISH_STOPPED", "LEFT"}
			if c.Name == "format" { // of which nothing is media
				want = slices.DeleteFunc(want, func(e string) bool { return strings.HasPrefix(e, "PUBLISH_ST") })
			}
			if got := n.history(c.Name); !slices.Equal(got, want) {
				t.Errorf("its history: %v, want %v", got, want)
			}
			n.wholeSince(heard, int(talker.Frames.Load()-sent)-2, seen)
		})
	}

	t.Run("unsealed", func(t *testing.T) {
		sent, seen := talker.Frames.Load(), heard.Pictures()
		p := rtctest.Publish(t, whip, n.token("unsealed"), rtctest.Options{NoAudio: true, H264Only: true, Mortal: true})
		for i := range 600 {
			check(t, p.Throw(rtctest.Unsealed(i, 400)))
		}
		eventually(t, "it is dropped", func() bool { return n.sum("rtc_packets_dropped_total", "sealed") > 50 })
		n.wholeSince(heard, int(talker.Frames.Load()-sent)-2, seen)
		if got := n.metric("publishers"); got != 2 {
			t.Errorf("%v publishers: it may have been somebody else who forged its address", got)
		}
	})

	t.Run("description", func(t *testing.T) {
		for _, c := range rtctest.Giants {
			_, err := rtctest.DialPublisher(t.Context(), whip, n.token("giant"), rtctest.Options{Offer: c.Offer})
			var refused *rtctest.Refused
			if !errors.As(err, &refused) || refused.Status != c.Status || refused.Code == "" || refused.Detail == "" {
				t.Errorf("%s: got %v, want a problem document of %d", c.Name, fmt.Sprintf("%.200v", err), c.Status)
			} else if n.sum("rtc_refusals_total", refused.Code) == 0 {
				t.Errorf("%s: %s is not counted", c.Name, refused.Code)
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
