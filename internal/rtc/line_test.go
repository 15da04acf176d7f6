package rtc

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestALineIsMeasuredWhenItIsAskedFor has a real client tell of each packet: once somebody asks for room, packets are
// numbered and trains find what there is a use for.
func TestALineIsMeasuredWhenItIsAskedFor(t *testing.T) {
	const want = 3_000_000
	w := newWorld(t, nil)
	w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{})
	s.Await(t, rtctest.Video, 10)
	if p := s.Last(rtctest.Video); p.Extension {
		t.Errorf("a packet has a header extension that nobody asked for: %+v", p.Header)
	}
	w.want.Store(want)
	s.Until(t, func() bool { return w.room.Load() >= want })
	w.want.Store(0)
	s.Await(t, rtctest.Video, 1)
	var id uint8
	w.change(func() { id = w.downs[0].peer.(*session).offer.media[1].ids.transportCC })
	if p := s.Last(rtctest.Video); id == 0 || len(p.GetExtension(id)) < 2 {
		t.Errorf("a packet has no number: %+v", p.Header)
	}
}

// TestWhatALineIsToldBy reads the answers to clients that tell of each packet, of their own estimate, of nothing.
func TestWhatALineIsToldBy(t *testing.T) {
	const transportCC = "a=extmap:3 " + uriTransportCC
	base := strings.NewReplacer("a=sendonly", "a=recvonly", "a=rtcp-fb:96 goog-remb\n", "").Replace(obs)
	video := func(lines string) string { return base + lines }
	for name, c := range map[string]struct {
		offer     string
		has, lack []string
	}{
		"each packet, with repairs": {
			video("a=rtcp-fb:96 transport-cc\na=rtcp-fb:96 goog-remb\n" + transportCC + "\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"),
			[]string{transportCC, "a=rtcp-fb:96 transport-cc", "a=ssrc-group:FID ", "a=rtpmap:97 rtx/90000"},
			[]string{"goog-remb"},
		},
		"each packet": {
			video("a=rtcp-fb:96 transport-cc\n" + transportCC + "\n"),
			[]string{transportCC, "a=rtcp-fb:96 transport-cc"},
			[]string{"FID", "rtx"},
		},
		"its estimate": {
			video("a=rtcp-fb:96 goog-remb\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"),
			[]string{"a=rtcp-fb:96 goog-remb", "a=ssrc-group:FID ", "a=fmtp:97 apt=96"},
			[]string{"transport-cc", uriTransportCC},
		},
		"each packet, without a number": {video("a=rtcp-fb:96 transport-cc\n"), nil, []string{"transport-cc"}},
		"a number, without feedback":    {video(transportCC + "\n"), nil, []string{uriTransportCC}},
		"nothing":                       {base, nil, []string{"transport-cc", "goog-remb", uriTransportCC}},
	} {
		text := strings.Replace(c.offer, "m=video 45212 UDP/TLS/RTP/SAVPF 96", "m=video 45212 UDP/TLS/RTP/SAVPF 96 97", 1)
		if !strings.Contains(text, "rtpmap:97") {
			text = c.offer
		}
		o, err := parseOffer(text, false)
		if err != nil {
			t.Fatal(name, err)
		}
		d := newDownstream(newWorld(t, nil).Server, o, nil)
		got := (&answer{senders: d.senders}).write(o)
		for _, line := range c.has {
			if !strings.Contains(got, line) {
				t.Errorf("%s: no %q in\n%s", name, line, got)
			}
		}
		for _, line := range c.lack {
			if strings.Contains(got, line) {
				t.Errorf("%s: %q in\n%s", name, line, got)
			}
		}
	}
}

func roomOf(l *line, now time.Time, want int) int {
	room, _ := l.room(now, want, false)
	return room
}

// TestALineWithoutNumbers goes by loss and by what the client says, and does not grow beyond what there is a use for.
func TestALineWithoutNumbers(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := &line{}
	room := func(want int) int { return roomOf(l, now, want) }
	first := room(2_000_000)
	for range 20 {
		l.lost(0)
	}
	if got := room(2_000_000); got < 2_000_000 || got > 2_500_000 || first > 400_000 {
		t.Errorf("%d bit/s became %d", first, got)
	}
	l.lost(13) // 5 %: neither
	if got := room(2_000_000); got < 2_000_000 {
		t.Errorf("%d bit/s after little loss", got)
	}
	for range 5 {
		l.lost(100)
	}
	if got := room(2_000_000); got > 1_000_000 {
		t.Errorf("%d bit/s after much loss", got)
	}
	for range 20 {
		l.lost(0)
	}
	l.bound(500_000)
	if got := room(2_000_000); got != 500_000-soundRoom {
		t.Errorf("%d bit/s though the client says 500,000", got)
	}
	for range 100 {
		l.lost(255)
	}
	if got := room(0); got < 0 || got > 100_000 {
		t.Errorf("%d bit/s after everything was lost", got)
	}
}

// TestAClientThatTellsNothing is judged like one that never said it would.
func TestAClientThatTellsNothing(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := &line{told: true, now: func() time.Time { return now }}
	roomOf(l, now, 2_000_000)
	for range 20 {
		l.lost(0)
	}
	if got := roomOf(l, now, 2_000_000); got > 500_000 {
		t.Errorf("%d bit/s at once", got)
	}
	now = now.Add(patientFor)
	roomOf(l, now, 2_000_000)
	for range 20 {
		l.lost(0)
	}
	if got := roomOf(l, now, 2_000_000); got < 2_000_000 {
		t.Errorf("%d bit/s without loss", got)
	}
}

// TestSoundComesFirst: what the sound takes is no room for pictures; and measuring ends when nobody asks any more.
func TestSoundComesFirst(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := &line{told: true, now: func() time.Time { return now }}
	before := roomOf(l, now, 0)
	if !l.on.Load() {
		t.Fatal("nothing is measured")
	}
	numbers := map[uint16]bool{}
	for range 100 { // 2 s
		now = now.Add(20 * time.Millisecond)
		numbers[l.stamp(Audio, 222, 0)] = true
	}
	if after := roomOf(l, now, 0); after > before-50_000 || after < before-70_000 {
		t.Errorf("%d bit/s became %d beside 100 kbit/s of sound", before, after)
	}
	if len(numbers) != 100 {
		t.Errorf("%d numbers for 100 packets", len(numbers))
	}
	now = now.Add(uninteresting + 1)
	l.stamp(Audio, 100, 0)
	if l.on.Load() {
		t.Error("it is measured though nobody has asked for long")
	}
	if err := l.feedback([]byte{1}, now); err == nil {
		t.Error("half a feedback is good")
	}
}

// TestAMeasuredPacketIsWhole opens what a client gets, media and train, under both profiles.
func TestAMeasuredPacketIsWhole(t *testing.T) {
	for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
		w := newWorld(t, nil)
		d, client := newListener(t, w, profile)
		v := d.senders[1]
		v.Room(time.Now(), 1)
		if err := v.WriteRTP(&rtp.Header{SequenceNumber: 7, Timestamp: 9, Marker: true}, []byte("media")); err != nil {
			t.Fatal(err)
		}
		v.pad(2)
		var got []string
		for _, p := range client.hear(3) {
			number := binary.BigEndian.Uint16(p.GetExtension(v.number))
			got = append(got, fmt.Sprintf("%d %d %q %d", p.PayloadType, p.Timestamp, p.Payload, number))
			if p.PayloadType == v.rtx && (p.SSRC != v.rtxSSRC || !emptyPacket(p.raw)) {
				t.Errorf("a train of %v", p)
			}
		}
		if want := fmt.Sprint([]string{fmt.Sprintf(`%d 9 "media" 0`, v.pt), fmt.Sprintf(`%d 9 "" 1`, v.rtx), fmt.Sprintf(`%d 9 "" 2`, v.rtx)}); fmt.Sprint(got) != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
