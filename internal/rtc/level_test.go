package rtc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// TestASoundSaysHowLoudItIs to a client that wants to know, with a packet's number and without, and nothing of the packet
// after it; and no client is told by an extension that it has not offered.
func TestASoundSaysHowLoudItIs(t *testing.T) {
	w := newWorld(t, nil)
	d, client := newListener(t, w, srtp.ProtectionProfileAeadAes128Gcm)
	a := d.senders[0]
	write := func(seq uint16, level int) {
		t.Helper()
		if level >= 0 {
			a.AudioLevel(uint8(level))
		}
		if err := a.WriteRTP(&rtp.Header{SequenceNumber: seq}, []byte("opus")); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 0x80|30)
	write(2, -1)
	d.line.told = true
	d.senders[1].Room(time.Now(), 0)
	write(3, 20)
	write(4, -1)
	var got []string
	for _, p := range client.hear(4) {
		text := fmt.Sprintf("%d %q", p.SequenceNumber, p.Payload)
		if level := p.GetExtension(a.levelID); level != nil {
			text += fmt.Sprint(" level ", level[0])
		}
		if number := p.GetExtension(a.number); a.number != 0 && number != nil {
			text += fmt.Sprint(" number ", binary.BigEndian.Uint16(number))
		}
		got = append(got, text)
	}
	want := []string{`1 "opus" level 158`, `2 "opus"`, `3 "opus" level 20`, `4 "opus"`}
	if a.number != 0 {
		want[2], want[3] = want[2]+" number 0", want[3]+" number 1"
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	text := strings.ReplaceAll(offerText("recvonly"), "a=extmap:1 "+uriAudioLevel+"\r\n", "")
	o, err := parseOffer(text, false)
	if err != nil {
		t.Fatal(err)
	}
	deaf := newSender(w.Server, &o.media[0])
	deaf.AudioLevel(3)
	if deaf.leveled || strings.Contains((&answer{}).write(o), uriAudioLevel) {
		t.Error("a client that did not offer it is told how loud a sound is")
	}
	if answer := (&answer{}).write(d.s.offer); !strings.Contains(answer, "a=extmap:1 "+uriAudioLevel) {
		t.Errorf("the answer does not take the extension:\n%s", answer)
	}
}
