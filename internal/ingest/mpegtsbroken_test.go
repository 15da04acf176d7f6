package ingest

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// A packet whose end never comes is given up, and what follows it is not kept.
func TestPacketsWithoutEndAreBounded(t *testing.T) {
	u := tsUnits{most: 4096}
	broken := 0
	use := func(unit tsUnit) error {
		if !unit.broken {
			t.Errorf("%d bytes were taken", len(unit.data))
		}
		broken++
		return nil
	}
	data := append([]byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0}, make([]byte, 175)...)
	for i := range 1000 {
		if err := u.add(tsPayload{start: i == 0, data: data}, time.Unix(1, 0), use); err != nil {
			t.Fatal(err)
		}
	}
	if broken != 1 || cap(u.buf) > 2*u.most {
		t.Errorf("given up %d times, %d bytes are kept", broken, cap(u.buf))
	}
}

// Three seconds in one packet of Opus, of which 120 ms is the most that there may be.
func TestLongOpusPacketsAreNotTaken(t *testing.T) {
	r := newTSReader(media.NewStream())
	a, err := newTSAudio(tsFound{kind: tsPrivate, format: "Opus", channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		frames byte // of 60 ms
		taken  int64
	}{{48, 0}, {3, 0}, {2, 1}} {
		r.audios = 0
		if err := a.onOpus(r, tsUnit{data: []byte{0x7F, 0xE0, 3, 0x1B, c.frames, 0}}); err != nil {
			t.Fatal(err)
		}
		if r.audios != c.taken {
			t.Errorf("%d frames of 60 ms: %d packets taken, want %d", c.frames, r.audios, c.taken)
		}
	}
}

// Pictures that follow a key frame and are shown before it refer to what was before it: of an open group of
// pictures they are left out where the key frame is the first that came.
func TestPicturesThatDependOnLostOnesAreLeftOut(t *testing.T) {
	b := transport(t, "-an", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-x265-params", "bframes=3:b-adapt=0:keyint=15:min-keyint=15:open-gop=1:log-level=none")
	frames, _, err := demux(t, b[len(b)/3/tsPacket*tsPacket:], 1316)
	if err != nil || len(frames) < 20 || !frames[0].Key {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	leading := map[*media.Frame]int{} // by the key frame before them
	key := frames[0]
	for _, f := range frames {
		if f.Key {
			key = f
		} else if f.PTS < key.PTS {
			leading[key]++
		}
	}
	if len(leading) == 0 {
		t.Fatal("the encoder made no open groups")
	}
	if n := leading[frames[0]]; n > 0 {
		t.Errorf("%d pictures are shown before the first", n)
	}
}
