package rtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// slotsText is an offer of a browser's form with so many sections of each kind.
func slotsText(audio, video int) string {
	head, sections, _ := strings.Cut(offerText("recvonly"), "m=audio")
	sound, picture, _ := strings.Cut("m=audio"+sections, "m=video")
	var mids []string
	var b strings.Builder
	for i := range audio + video {
		text, old := sound, "a=mid:0"
		if i >= audio {
			text, old = "m=video"+picture, "a=mid:1"
		}
		mids = append(mids, fmt.Sprintf("s%d", i))
		b.WriteString(strings.Replace(text, old, "a=mid:"+mids[i], 1))
	}
	return strings.Replace(head, "BUNDLE 0 1", "BUNDLE "+strings.Join(mids, " "), 1) + b.String()
}

// TestOneSessionForMany: a real client gets each of six senders' packets on the m-section of its own, and finds the session's
// name in the answer.
func TestOneSessionForMany(t *testing.T) {
	w := newWorld(t, nil)
	w.publish(t, rtctest.Options{})
	var mu sync.Mutex
	seen := map[string]uint32{}
	s := rtctest.Subscribe(t, w.http.URL+"/whip/subscribe", "viewer", rtctest.Options{Slots: 3, OnPacket: func(p rtctest.Packet) {
		mu.Lock()
		defer mu.Unlock()
		seen[p.Kind+" "+p.Mid] = p.RTP.SSRC
	}})
	s.Until(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 6
	})
	var request Request
	var mids []string
	w.change(func() {
		request = w.downs[0].request
		for _, one := range w.downs[0].senders {
			mids = append(mids, one.Kind().String()+" "+one.Mid())
		}
	})
	if request.ParticipantID != "" || !request.Audio || !request.Video || !strings.Contains(s.Answer, "\r\no=- "+request.Origin+" 1 ") {
		t.Errorf("a request of %+v for the answer\n%s", request, s.Answer)
	}
	mu.Lock()
	defer mu.Unlock()
	var ssrcs []uint32
	for _, mid := range mids {
		ssrcs = append(ssrcs, seen[mid])
	}
	if slices.Sort(ssrcs); len(slices.Compact(ssrcs)) != 6 || ssrcs[0] == 0 {
		t.Errorf("senders %v, packets of %v", mids, seen)
	}
	for _, line := range []string{"a=msid:streamcat audio", "a=msid:streamcat-2 audio", "a=msid:streamcat video", "a=msid:streamcat-2 video"} {
		if strings.Count(s.Answer, line+"\r\n") != 1 {
			t.Errorf("%q is not in the answer once:\n%s", line, s.Answer)
		}
	}
}

func TestOffersForMany(t *testing.T) {
	most := slotsText(MaxSlots, MaxSlots)
	o, err := parseSlots(most)
	if err != nil || o.count(Audio) != MaxSlots || o.count(Video) != MaxSlots {
		t.Fatalf("the largest offer: %v", err)
	}
	if _, err := parseOffer(slotsText(2, 1), false); err == nil {
		t.Error("an offer for many is good for one participant")
	}
	for name, c := range map[string]struct {
		text   string
		status int
		code   string
	}{
		"too many sounds":         {slotsText(MaxSlots+1, 1), 422, codeUnsupported},
		"too many pictures":       {slotsText(0, MaxSlots+1), 422, codeUnsupported},
		"too many sections":       {slotsText(MaxSlots, MaxSlots+1), 422, codeUnsupported},
		"a section without a mid": {strings.Replace(most, "a=mid:s3\r\n", "", 1), 422, codeUnsupported},
		"two of the same mid":     {strings.Replace(most, "a=mid:s3\r\n", "a=mid:s4\r\n", 1), 400, codeMalformed},
		"one sends":               {strings.Replace(most, "a=recvonly", "a=sendonly", 1), 422, codeUnsupported},
	} {
		_, err := parseSlots(c.text)
		var r *Refusal
		if !errors.As(err, &r) || r.Status != c.status || r.Code != c.code {
			t.Errorf("%s: %v, want %d %s", name, err, c.status, c.code)
		}
	}
}
