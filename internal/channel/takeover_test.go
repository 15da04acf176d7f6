package channel_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// takeovers gives what was told of takeovers: names, with their codes.
func (r *rig) takeovers() (told []string) {
	names, details, _ := r.events()
	for i, name := range names {
		if code, _ := details[i]["code"].(string); name == "Stream Takeover" || name == "Stream Takeover Failure" {
			told = append(told, name+" "+code)
		}
	}
	return told
}

func (r *rig) rival(priority int) (*media.Stream, error) {
	return r.Admit(r.t.Context(), media.Publisher{Protocol: "RTMP", Key: key, Priority: priority})
}

func TestAHigherPriorityTakesAStreamOver(t *testing.T) {
	for name, change := range map[string]func(*channel.Deps){
		"with a window": patient, "without": func(*channel.Deps) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, change)
			stream := r.admit()
			r.write(stream, 0, 4*time.Second)
			r.until("Session Created", "Stream Start")
			id := r.id()
			for priority := 1; priority <= 3; priority++ {
				next, err := r.rival(priority)
				if err != nil {
					t.Fatal(err)
				}
				r.write(next, 0, 500*time.Millisecond) // its formats
				eventually(t, "the takeover", func() bool {
					// Both go on, and at one of its key frames the second is the one.
					if r.try(stream, time.Duration(3+priority)*time.Second, time.Second/30) == nil {
						r.write(next, time.Second, time.Second/30)
					}
					return len(r.takeovers()) == priority
				})
				if fault.Of(stream.Err()) != fault.Conflict {
					t.Errorf("the first was told %v", stream.Err())
				}
				stream = next
			}
			if r.id() != id {
				t.Error("it is another stream")
			}
			if _, err := r.Admit(t.Context(), media.Publisher{Key: key}); fault.Of(err) != fault.Conflict {
				t.Errorf("without a priority: %v", err)
			}
			stream.Close()
			r.ended()
			want := []string{"Session Created", "Stream Start", "Stream Takeover", "Stream Takeover", "Stream Takeover", "Stream End", "Session Ended"}
			if diff := cmp.Diff(want, r.without()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAStreamOfWhichNothingCameYetIsTakenOverWithAnyFormats(t *testing.T) {
	r := newRig(t, patient)
	silent := r.admit()
	next, err := r.rival(1)
	if err != nil {
		t.Fatal(err)
	}
	r.write(next, 0, 500*time.Millisecond)
	eventually(t, "the takeover", func() bool {
		r.write(next, time.Second, time.Second/30)
		return fault.Of(silent.Err()) == fault.Conflict
	})
	eventually(t, "the stream's start is told", func() bool { return slices.Contains(r.names(), "Stream Start") })
}

func TestATakeoverThatFailsSaysWhyAndLeavesTheStreamAlone(t *testing.T) {
	small := *video
	small.Width, small.Height = 1280, 720
	sound := &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}
	send := func(r *rig, s *media.Stream, tracks ...*media.Track) {
		for i := range 90 {
			at := time.Duration(i) * time.Second / 30
			for _, track := range tracks {
				_ = s.Write(&media.Frame{Track: track, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: i == 0 || track.Kind == media.Audio, Payload: []byte{0, 0, 0, 4, 0x65, 1, 2, 3}})
			}
		}
	}
	r := newRig(t, patient)
	first, err := r.rival(7)
	if err != nil {
		t.Fatal(err)
	}
	r.write(first, 0, 2*time.Second)
	r.until("Session Created", "Stream Start")
	for _, priority := range []int{1, 7} {
		if _, err := r.rival(priority); fault.Of(err) != fault.Conflict {
			t.Errorf("with priority %d: %v", priority, err)
		}
	}
	for name, tracks := range map[string][]*media.Track{"another size": {&small}, "one track more": {video, sound}} {
		next, err := r.rival(8)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.rival(9); fault.Of(err) != fault.Conflict {
			t.Errorf("a third meanwhile: %v", err)
		}
		send(r, next, tracks...)
		eventually(t, name, func() bool { return fault.Of(next.Err()) == fault.Conflict })
	}
	eventually(t, "all is told", func() bool { return len(r.takeovers()) == 4 })
	told := r.takeovers()
	slices.Sort(told)
	if diff := cmp.Diff([]string{
		"Stream Takeover Failure StreamTakeoverInvalidPriority", "Stream Takeover Failure StreamTakeoverInvalidPriority",
		"Stream Takeover Failure StreamTakeoverMediaMismatch", "Stream Takeover Failure StreamTakeoverMediaMismatch",
	}, told); diff != "" {
		t.Error(diff)
	}
	for range 97 {
		_, _ = r.rival(1)
	}
	if err := first.Err(); err != nil {
		t.Errorf("the first was told %v", err)
	}
	eventually(t, "too many attempts", func() bool {
		return slices.Contains(r.takeovers(), "Stream Takeover Failure StreamTakeoverLimitBreached")
	})
}

// A rival may take what nobody holds any more, whatever it sends.
func TestARivalOfALostEncoderNeedNotBeLikeIt(t *testing.T) {
	r, first, id := delivering(t)
	next, err := r.rival(1)
	if err != nil {
		t.Fatal(err)
	}
	first.Stop(errCut)
	small := *video
	small.Width, small.Height = 1280, 720
	eventually(t, "the takeover", func() bool {
		for i := range 90 {
			at := time.Duration(i) * time.Second / 30
			if next.Write(&media.Frame{Track: &small, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: i == 0, Payload: []byte{0, 0, 0, 4, 0x65, 1, 2, 3}}) != nil {
				t.Fatal(next.Err())
			}
		}
		return len(r.takeovers()) == 1
	})
	if r.id() != id {
		t.Error("it is another stream")
	}
}

func TestAStreamThatEndsEndsItsRival(t *testing.T) {
	r, first, _ := delivering(t)
	next, err := r.rival(1)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	r.ended()
	if next.Err() == nil {
		t.Error("it runs on")
	}
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
}

// While a rival makes itself ready, the encoder that it wants to take over from may be lost, and another come in
// its place.
func TestARivalTakesOverFromNobodyOfAHigherPriority(t *testing.T) {
	r, first, _ := delivering(t)
	next, err := r.rival(1)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := first.Written()
	eventually(t, "the first delivers", func() bool { return r.Noted(r.spec.ARN) == before })
	first.Stop(errCut)
	better, err := r.rival(5)
	if err != nil {
		t.Fatal(err)
	}
	r.write(better, 0, 2*time.Second)
	frames, _ := better.Written()
	eventually(t, "the other delivers", func() bool { return r.Noted(r.spec.ARN) == before+frames })
	at := time.Duration(0)
	eventually(t, "the rival is told", func() bool {
		_ = next.Write(&media.Frame{Track: video, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: true, Payload: []byte{0, 0, 0, 4, 0x65, 1, 2, 3}})
		at += time.Second / 30
		return next.Err() != nil
	})
	if fault.Of(next.Err()) != fault.Conflict || better.Err() != nil {
		t.Errorf("the rival was told %v, the other %v", next.Err(), better.Err())
	}
	eventually(t, "all is told", func() bool { return len(r.takeovers()) == 1 })
	if told := r.takeovers(); told[0] != "Stream Takeover Failure StreamTakeoverInvalidPriority" {
		t.Error(told)
	}
}

// What a rival sent before it took over was nobody's: it must not look like a burst.
func TestWhatARivalSentBeforeCountsForNoBitrate(t *testing.T) {
	r := newRig(t, limited, patient)
	r.Quiet()
	first := r.admit()
	r.write(first, 0, 4*time.Second)
	r.until("Session Created", "Stream Start")
	r.measured(first)
	next, err := r.rival(1)
	if err != nil {
		t.Fatal(err)
	}
	r.write(next, 0, 500*time.Millisecond) // its formats
	if err := next.Write(&media.Frame{Track: video, DTS: time.Second, PTS: time.Second, Arrived: r.clock.Now(), Payload: make([]byte, 8<<20)}); err != nil {
		t.Fatal(err)
	}
	at := 2 * time.Second
	eventually(t, "the takeover", func() bool {
		if first.Err() == nil {
			r.write(next, at, time.Second/30)
			at += time.Second / 30
		}
		return len(r.takeovers()) == 1
	})
	r.clock.pass(10 * time.Second)
	r.Tidy()
	if r.Excessive(r.spec.ARN) {
		t.Error("it is cut")
	}
}
