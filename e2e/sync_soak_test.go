//go:build soak

package e2e

import (
	"bytes"
	"context"
	be "encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/streamcat/streamcat/internal/hls/hlsbench"
	"github.com/streamcat/streamcat/internal/ingest"
)

// TestSoakTwoHoursStayInSync publishes two hours at twenty times their speed, by an encoder whose sound card
// runs 100 ppm slow, at a sample rate whose frames fit no millisecond. Each frame says when it was made; in
// all segments, sound and picture of one moment are at most 40 ms apart.
func TestSoakTwoHoursStayInSync(t *testing.T) {
	const (
		length, speed = 2 * time.Hour, 20
		most          = 40 * time.Millisecond
	)
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	ctx, cancel := context.WithTimeout(t.Context(), length/speed+2*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- publishTold(ctx, t, c.PublishURL, length, speed) }()
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })

	media := mediaURL(t, c.PlaybackURL)
	base, err := url.Parse(media)
	if err != nil {
		t.Fatal(err)
	}
	var worst time.Duration
	var init fmp4.Init
	segments, known, next := 0, "", media
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
		list := parse[*playlist.Media](t, fetch(t, next, http.StatusOK))
		next = fmt.Sprintf("%s&_HLS_msn=%d", media, list.MediaSequence+len(list.Segments))
		if list.Endlist || len(list.Segments) == 0 {
			continue
		}
		get := func(name string) []byte {
			u, err := base.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			return []byte(fetch(t, u.String(), http.StatusOK))
		}
		if list.Map.URI != known {
			known = list.Map.URI
			if err := init.Unmarshal(bytes.NewReader(get(known))); err != nil {
				t.Fatal(err)
			}
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal(get(list.Segments[len(list.Segments)-1].URI)); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, apart(t, &init, parts))
		segments++
	}
	if worst > most {
		t.Errorf("sound and picture are up to %v apart", worst)
	}
	if segments < 300 {
		t.Errorf("only %d segments were looked at", segments)
	}
	t.Logf("%d segments, sound and picture at most %v apart", segments, worst)
}

// publishTold sends frames that say when they were made.
func publishTold(ctx context.Context, t *testing.T, to string, length time.Duration, speed int) error {
	clip, err := hlsbench.MakeClip(ctx, 1_000_000)
	if err != nil {
		return err
	}
	p, err := ingest.DialPublish(ctx, to, ingest.PublishOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	const rate = 44100
	frame := func(made time.Duration) []byte { return fmt.Appendf(nil, "made=%016d", made.Nanoseconds()) }
	for _, tag := range clip.Head() {
		if tag.Kind == ingest.FLVAudio {
			tag.Data = []byte{0xAF, 0, 0x12, 0x10} // AAC-LC, 44.1 kHz, stereo
		}
		if err := p.WriteTag(tag); err != nil {
			return err
		}
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	audio := time.Duration(0)
	for n := 0; ; n++ {
		made := time.Duration(n) * time.Second / 30
		if made > length {
			return nil
		}
		for i := 0; audio <= made; i++ {
			tag := ingest.FLVTag{Kind: ingest.FLVAudio, Timestamp: uint32(audio.Milliseconds()), Data: append([]byte{0xAF, 1}, frame(audio)...)}
			if err := p.WriteTag(tag); err != nil {
				return err
			}
			audio += time.Second * 1024 / rate * 10001 / 10000
		}
		timer.Reset(time.Until(start.Add(made / time.Duration(speed))))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		head, nal := []byte{0x27, 1, 0, 0, 0}, byte(0x41)
		if n%60 == 0 {
			head[0], nal = 0x17, 0x65
		}
		unit := append([]byte{nal}, frame(made)...)
		body := append(be.BigEndian.AppendUint32(head, uint32(len(unit))), unit...)
		if err := p.WriteTag(ingest.FLVTag{Kind: ingest.FLVVideo, Timestamp: uint32(made.Milliseconds()), Data: body}); err != nil {
			return err
		}
	}
}

// apart gives how far sound and picture of one moment are apart in a segment, at most.
func apart(t *testing.T, init *fmp4.Init, parts fmp4.Parts) time.Duration {
	t.Helper()
	shift := map[int][]time.Duration{} // what the timeline says less what frames say, by track
	for _, part := range parts {
		for _, track := range part.Tracks {
			scale := uint32(0)
			for _, it := range init.Tracks {
				if it.ID == track.ID {
					scale = it.TimeScale
				}
			}
			if scale == 0 {
				t.Fatalf("no initialization for track %d", track.ID)
			}
			at := track.BaseTime
			for _, s := range track.Samples {
				if i := bytes.Index(s.Payload, []byte("made=")); i >= 0 && len(s.Payload) >= i+21 {
					made, err := strconv.ParseInt(string(s.Payload[i+5:i+21]), 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					shift[track.ID] = append(shift[track.ID], seconds(at, scale)-time.Duration(made))
				}
				at += uint64(s.Duration)
			}
		}
	}
	if len(shift) != 2 {
		t.Fatalf("a segment with frames of %d tracks", len(shift))
	}
	var lo, hi time.Duration
	first := true
	for _, all := range shift {
		for _, d := range all {
			if first {
				lo, hi, first = d, d, false
			}
			lo, hi = min(lo, d), max(hi, d)
		}
	}
	return hi - lo
}

func seconds(at uint64, scale uint32) time.Duration {
	return time.Duration(at/uint64(scale))*time.Second + time.Duration(at%uint64(scale))*time.Second/time.Duration(scale)
}
