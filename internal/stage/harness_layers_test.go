package stage_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
)

// sizes is a publisher that a test plays, of a picture in three sizes, 30 pictures a second, with a key frame of each size three
// times a second.
type sizes struct {
	*publisher
	mu   sync.Mutex
	sent map[string]bool // by name: which come
}

// sizedSets are parameter sets of 320×180, 640×360 and 1280×720, as x264 writes them.
var sizedSets = []struct {
	rid, sps string
	bytes    int // of a picture
}{
	{"q", "6742c00dd901419f9f0110000003001000000303c0f142a480", 400},
	{"h", "6742c01ed900a02ff970110000030001000003003c0f162e48", 900},
	{"f", "6742c01fd9005005bb0110000003001000000303c0f1832480", 1300},
}

// publishSizes publishes sound and so many sizes, the smallest first.
func (n *node) publishSizes(token string, count int) *sizes {
	n.t.Helper()
	s := &sizes{publisher: n.publish(token), sent: map[string]bool{"q": true, "h": true, "f": true}}
	var sinks []rtc.Sink
	for i, one := range sizedSets[:count] {
		sinks = append(sinks, s.pub.Track(rtc.Track{Kind: rtc.Video, SSRC: uint32(10 + i), ClockRate: 90_000, RID: one.rid}, s.peer))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.send(sinks)
	}()
	n.t.Cleanup(func() { s.Close(io.EOF); <-done })
	return s
}

func (s *sizes) send(sinks []rtc.Sink) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	var seqs [3]uint16
	for picture := uint32(0); ; picture++ {
		for i, one := range sizedSets[:len(sinks)] {
			s.mu.Lock()
			comes := s.sent[one.rid]
			s.mu.Unlock()
			put := func(marker byte, payload []byte) {
				b := []byte{0x80, marker<<7 | 102, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(10 + i)}
				binary.BigEndian.PutUint16(b[2:], seqs[i])
				binary.BigEndian.PutUint32(b[4:], picture*3000)
				seqs[i]++
				sinks[i].Write(append(b, payload...), time.Now())
			}
			kind := byte(0x41)
			switch {
			case !comes:
				continue
			case picture%10 == 0:
				sps, err := hex.DecodeString(one.sps)
				if err != nil {
					panic(err)
				}
				kind = 0x65
				put(0, sps)
			}
			put(1, append([]byte{kind}, make([]byte, one.bytes)...))
		}
		select {
		case <-tick.C:
		case <-s.gone:
			return
		}
	}
}

// come sets which sizes come.
func (s *sizes) come(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.sent {
		s.sent[name] = slices.Contains(names, name)
	}
}

// layers reads on to the next LAYERS of a participant's picture and gives it in short: "q h f: f selected". Rates are checked.
func (c *client) layers(session, participant string) string {
	c.t.Helper()
	for {
		f := c.read()
		if f.Type != "LAYERS" || f.Payload.Session != session || f.Payload.ParticipantID != participant {
			continue
		}
		sides := map[string][2]int{"q": {320, 180}, "h": {640, 360}, "f": {1280, 720}}
		var names []string
		for _, l := range f.Payload.Layers {
			names = append(names, l.Label)
			if (sides[l.Label] != [2]int{l.Width, l.Height}) || l.BitrateBps <= 0 || l.FramesPerSecond <= 0 || l.FramesPerSecond > 60 {
				c.t.Errorf("a layer is %+v", l)
			}
		}
		return strings.TrimSpace(fmt.Sprintf("%s: %s %s", strings.Join(names, " "), f.Payload.Selected, f.Payload.Reason))
	}
}

// untilLayers reads on until a picture's layers are told like this.
func (c *client) untilLayers(t testing.TB, session, participant, want string) {
	t.Helper()
	var all []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		got := c.layers(session, participant)
		if got == want {
			return
		}
		all = append(all, got)
	}
	t.Fatalf("layers are %q, and never %q", all, want)
}
