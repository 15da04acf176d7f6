package stage_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/stage"
)

// ladder is an encoder that sends its picture in several sizes, the largest first.
type ladder struct {
	*camera
	sizes []*media.Track
	count int
}

// climb lets such an encoder in, by the sizes' parameter sets.
func (n *studio) climb(key string, sizes ...string) *ladder {
	n.t.Helper()
	l := &ladder{camera: n.roll(key)}
	for i, sps := range sizes {
		b, err := hex.DecodeString(sps)
		check(n.t, err)
		l.sizes = append(l.sizes, video(func(t *media.Track) { t.ID, t.SPS = media.FirstVideo+i, b }))
	}
	l.Describe(media.Info{Videos: len(sizes)})
	return l
}

// frame sends a picture in some of the sizes, a key frame every second, and sound.
func (l *ladder) frame(sizes ...int) {
	const each = 40 * time.Millisecond
	l.clock.turn(each)
	l.at += each
	for _, i := range sizes {
		f := &media.Frame{Track: l.sizes[i], DTS: l.at, PTS: l.at, Arrived: l.clock.now(), Key: l.count%25 == 0, Payload: shot(1, sliceP)}
		if f.Key {
			f.Payload = shot(5, sliceP)
		}
		l.Write(f)
	}
	l.speak()
	l.count++
}

// shown gives the parameter set of the newest key frame that came.
func (t *screenTrack) shown() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range slices.Backward(t.payloads) {
		if p[0]&0x1F == 24 {
			return p[3 : 3+int(p[1])<<8+int(p[2])]
		}
	}
	return nil
}

const (
	sps640x360 = "6742c01ed900a02ff970110000030001000003003c0f162e48"
	sps320x180 = "6742c00dd901419f9f0110000003001000000303c0f142a480"
)

// TestRenditionsOfAnEncoderAreSizesOfOnePicture: each who watches gets the one that its line and its wishes leave, on one track whose
// numbers and times go on.
func TestRenditionsOfAnEncoderAreSizesOfOnePicture(t *testing.T) {
	n := newStudio(t)
	cam := n.climb(n.key("cam"), sps1280x720, sps640x360, sps320x180)
	cam.frame(0, 1, 2)
	socket := n.join(n.token("viewer"))
	socket.until(func() bool { return socket.here["cam"].IsPublishing })
	s := n.screen(n.token("viewer"), "cam")
	pictures := &s.tracks[0]
	comes := func(size string, sent ...int) {
		t.Helper()
		eventually(t, "the picture of "+size, func() bool {
			cam.frame(sent...)
			return hex.EncodeToString(pictures.shown()) == size
		})
	}
	comes(sps1280x720, 0, 1, 2)
	socket.send(`{"type":"PREFER","payload":{"participantId":"cam","maxWidth":640,"maxHeight":360}}`)
	comes(sps640x360, 0, 1, 2)
	socket.send(`{"type":"PREFER","payload":{"participantId":"cam"}}`)
	comes(sps1280x720, 0, 1, 2)
	comes(sps640x360, 1, 2) // the largest is not sent any more
	comes(sps1280x720, 0, 1, 2)
	if !s.open() || cam.Err() != nil {
		t.Error("somebody was sent away")
	}
	pictures.mu.Lock()
	defer pictures.mu.Unlock()
	for i, h := range pictures.headers[1:] {
		last := pictures.headers[i]
		if gap := int32(h.Timestamp - last.Timestamp); h.SequenceNumber != last.SequenceNumber+1 || gap < 0 {
			t.Fatalf("packet %d: number %d after %d, time %d after it", i, h.SequenceNumber, last.SequenceNumber, gap)
		}
	}
	wantList(t, "history", n.history("cam"), "JOINED", "PUBLISH_STARTED")
}

// TestMoreRenditionsThanThereCanBe: the best, the last and one between are encodings. What is wrong with one ends the stream; what
// is left out is not looked at.
func TestMoreRenditionsThanThereCanBe(t *testing.T) {
	for sizes, want := range map[int][]int{1: {0}, 2: {0, 1}, 3: {0, 1, 2}, 4: {0, 1, 3}, 5: {0, 2, 4}, 8: {0, 3, 7}} {
		var got []int
		for i := range sizes {
			if stage.Taken(i, sizes) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", sizes, got, want)
		}
	}
	w := newWorld(t)
	for wrong, cut := range []bool{true, false, true, false, true} {
		t.Run(fmt.Sprint("codec of ", wrong), func(t *testing.T) {
			w.stage = w.newStage()
			n := w.studio()
			cam := n.climb(n.key("cam"), sps1280x720, sps640x360, sps640x360, sps320x180, sps320x180)
			cam.sizes[wrong].Codec = media.HEVC
			cam.frame(0, 1, 2, 3, 4)
			if cut {
				cam.wantCut(fault.Invalid)
			} else {
				eventually(t, "it publishes", func() bool { return n.metric("publishers") == 1 })
				s := n.screen(n.token("viewer"), "cam")
				eventually(t, "it is seen", func() bool { cam.frame(0, 1, 2, 3, 4); return s.tracks[0].packets() > 30 })
			}
			n.shutdown()
		})
	}
}
