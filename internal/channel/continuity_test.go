package channel_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/transcode"
)

const window = 30 * time.Second

func patient(d *channel.Deps) { d.Reconnect = window }

var errCut = fault.Down("the line was cut")

// delivering gives a rig whose encoder has delivered, and the stream's id.
func delivering(t *testing.T, change ...func(*channel.Deps)) (*rig, *media.Stream, string) {
	t.Helper()
	r := newRig(t, append([]func(*channel.Deps){patient}, change...)...)
	s := r.admit()
	r.write(s, 0, 4*time.Second)
	r.until("Session Created", "Stream Start")
	return r, s, r.id()
}

// id is that of the stream that is live.
func (r *rig) id() string {
	r.t.Helper()
	l, err := r.Live(r.t.Context(), r.spec.ARN)
	if err != nil {
		r.t.Fatal(err)
	}
	return l.StreamID
}

// waits gives until when the stream waits for its encoder.
func (r *rig) waits() time.Time {
	r.t.Helper()
	report, err := r.Report(r.t.Context(), r.spec.ARN)
	if err != nil {
		r.t.Fatal(err)
	}
	return report.WaitsUntil
}

// without gives the names of all events but those of starvation.
func (r *rig) without() []string {
	return slices.DeleteFunc(r.names(), func(n string) bool { return strings.HasPrefix(n, "Starvation") })
}

func TestAnEncoderThatComesBackContinuesItsStream(t *testing.T) {
	r, s, id := delivering(t)
	playlist := r.media()
	for i := range 3 {
		s.Stop(errCut)
		r.clock.pass(window - time.Second)
		r.Tidy()
		l, err := r.Live(t.Context(), r.spec.ARN)
		if err != nil || l.StreamID != id || l.Health != channel.Starving {
			t.Fatalf("while it is away: %+v, %v", l, err)
		}
		eventually(t, "it tells how long it waits", func() bool { // from when the end was noticed, before the clock passed or after
			left := r.waits().Sub(r.clock.Now())
			return left == time.Second || left == window
		})
		s = r.admit() // an encoder's clock begins anew
		r.write(s, 0, 4*time.Second)
		eventually(t, "it delivers again", func() bool {
			l, err := r.Live(t.Context(), r.spec.ARN)
			return err == nil && l.Health == channel.Healthy && l.StreamID == id
		})
		if until := r.waits(); !until.IsZero() {
			t.Errorf("it is back, and the stream waits until %v", until)
		}
		eventually(t, "it is in the playlist, behind a discontinuity", func() bool {
			_, body := r.get(playlist)
			list, faults := hlscheck.Parse(body)
			if len(faults) > 0 {
				t.Fatalf("%q\n%s", faults, body)
			}
			return list.Discontinuity+uint64(strings.Count(body, "#EXT-X-DISCONTINUITY\n")) >= uint64(i+1)
		})
	}
	s.Close()
	r.ended()
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
	if _, body := r.get(playlist); !strings.Contains(body, "#EXT-X-ENDLIST") {
		t.Errorf("after a goodbye:\n%s", body)
	}
}

func TestAnEncoderThatStaysAwayEndsItsStreamOnce(t *testing.T) {
	r, s, _ := delivering(t)
	playlist := r.media()
	s.Stop(errCut)
	eventually(t, "it has waited long enough", func() bool { // from when the end was noticed
		r.Tidy()
		r.clock.pass(time.Second)
		return !r.Busy(r.spec.ARN)
	})
	if _, body := r.get(playlist); !strings.Contains(body, "#EXT-X-ENDLIST") {
		t.Errorf("players go on waiting:\n%s", body)
	}
	r.ended()
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
	again := r.admit() // and a new stream under the same address
	r.write(again, 0, time.Second)
	eventually(t, "live again", r.live)
	if open, err := r.db.OpenStreamSessions(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("%v, %v", open, err)
	}
}

func TestAnEncoderThatIsBackInTimeMayTakeAMomentToBegin(t *testing.T) {
	r, s, id := delivering(t)
	s.Stop(errCut)
	eventually(t, "the loss is noticed", func() bool { r.Tidy(); return !r.waits().IsZero() })
	r.clock.pass(window - time.Second)
	again := r.admit()
	r.clock.pass(2 * time.Second)
	r.Tidy()
	if err := again.Err(); err != nil {
		t.Fatalf("it was cut off: %v", err)
	}
	r.write(again, 0, time.Second)
	if got := r.id(); got != id {
		t.Errorf("stream %s goes on as %s", id, got)
	}
}

func TestAnEncoderThatOnlyConnectsDoesNotLengthenTheWait(t *testing.T) {
	r, s, _ := delivering(t)
	s.Stop(errCut)
	eventually(t, "the stream has ended", func() bool {
		if !r.Busy(r.spec.ARN) {
			return true
		}
		if s, err := r.Admit(t.Context(), media.Publisher{Key: key}); err == nil {
			if report, err := r.Report(t.Context(), r.spec.ARN); err == nil && !report.WaitsUntil.IsZero() {
				t.Errorf("with an encoder that connects, it waits until %v", report.WaitsUntil)
			}
			r.Tidy()
			s.Stop(errCut)
			r.Tidy()
		}
		r.clock.pass(time.Second)
		return slices.Contains(r.names(), "Stream End")
	})
}

func TestASessionThatNeverWasLiveDoesNotWait(t *testing.T) {
	r := newRig(t, patient)
	s := r.admit()
	s.Stop(errCut)
	r.ended()
	if diff := cmp.Diff([]string{"Session Created", "Session Ended"}, r.names()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheEncoderOrTheOwnerWantsEndsAtOnce(t *testing.T) {
	for name, end := range map[string]func(*rig, *media.Stream){
		"a goodbye":           func(_ *rig, s *media.Stream) { s.Close() },
		"broken media":        func(_ *rig, s *media.Stream) { s.Stop(fault.InvalidInput("broken AAC audio")) },
		"the owner":           func(r *rig, _ *media.Stream) { _ = r.Stop(r.t.Context(), r.spec.ARN) },
		"the owner, meantime": func(r *rig, s *media.Stream) { s.Stop(errCut); _ = r.Stop(r.t.Context(), r.spec.ARN) },
		"shutdown, meantime":  func(r *rig, s *media.Stream) { s.Stop(errCut); r.close() },
	} {
		t.Run(name, func(t *testing.T) {
			r, s, _ := delivering(t)
			end(r, s)
			r.ended()
			got := slices.DeleteFunc(r.without(), func(n string) bool { return n == "Stream Failure" })
			if diff := cmp.Diff(wholeLife, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASilentEncoderIsTakenOverFromWithinTheStream(t *testing.T) {
	r, first, id := delivering(t)
	if _, err := r.Admit(t.Context(), media.Publisher{Key: key}); fault.Of(err) != fault.Conflict {
		t.Fatalf("while the first delivers: %v", err)
	}
	r.clock.pass(4 * time.Second)
	second := r.admit()
	if err := first.Write(&media.Frame{Track: video}); fault.Of(err) != fault.Conflict {
		t.Errorf("the first may still write: %v", err)
	}
	r.write(second, 0, 2*time.Second)
	eventually(t, "the second delivers", func() bool {
		l, err := r.Live(t.Context(), r.spec.ARN)
		return err == nil && l.Health == channel.Healthy && l.StreamID == id
	})
	second.Close()
	r.ended()
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
}

func TestAStreamThatWaitsIsInUse(t *testing.T) {
	other := minter.New("channel")
	r, s, _ := delivering(t, func(d *channel.Deps) {
		d.MaxStreams = 1
		d.Directory.(directory)["other"] = channel.Spec{ARN: other, ID: other[len(other)-12:], Name: "tv"}
	})
	playlist := r.media()
	viewers := func() int64 { l, _ := r.Live(t.Context(), r.spec.ARN); return l.Viewers }
	r.get(playlist)
	eventually(t, "one viewer", func() bool { r.Tidy(); return viewers() == 1 })
	s.Stop(errCut)
	r.clock.pass(15 * time.Second)
	r.Tidy()
	if _, err := r.Admit(t.Context(), media.Publisher{Key: "other"}); fault.Of(err) != fault.Quota {
		t.Errorf("one stream more: %v", err)
	}
	if !r.Busy(r.spec.ARN) {
		t.Error("its channel may be changed or deleted")
	}
	if n := viewers(); n != 1 {
		t.Errorf("%d viewers wait", n)
	}
	mark, err := r.InsertAdBreak(t.Context(), r.spec.ARN, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "we are back soon"); err != nil {
		t.Fatal(err)
	}
	r.clock.pass(time.Second)
	again := r.admit()
	r.write(again, 0, 2*time.Second)
	eventually(t, "what was put meantime is there", func() bool {
		_, body := r.get(playlist)
		list, _ := hlscheck.Parse(body)
		return len(list.Ranges) == 1 && list.Ranges[0].ID == mark.ID && r.holds(playlist, "we are back soon")
	})
}

// holds says whether a text is in any segment that a playlist lists.
func (r *rig) holds(playlist, text string) bool {
	_, body := r.get(playlist)
	list, _ := hlscheck.Parse(body)
	folder := playlist[:strings.LastIndexByte(playlist, '/')+1]
	for _, s := range list.Segments {
		if _, data := r.get(folder + s.URI); strings.Contains(data, text) {
			return true
		}
	}
	return false
}

func TestAStreamOutlivesACrashOfTheServer(t *testing.T) {
	r, _, id := delivering(t)
	restart := func() *rig {
		next := *r
		next.Manager = channel.NewManager(r.deps)
		t.Cleanup(func() { _ = next.Manager.Close(context.Background()) })
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		return &next
	}
	next := restart()
	if next.id() != id {
		t.Errorf("it goes on as %s, not %s", next.id(), id)
	}
	s := next.admit()
	next.write(s, 0, 2*time.Second)
	eventually(t, "it delivers again", func() bool {
		l, err := next.Live(t.Context(), r.spec.ARN)
		return err == nil && l.Health == channel.Healthy && l.StreamID == id && l.Video != nil
	})
	if diff := cmp.Diff(wholeLife[:2], r.without()); diff != "" {
		t.Error(diff)
	}
	last := restart() // and after the next crash nobody comes
	eventually(t, "the stream has ended", func() bool {
		last.Tidy()
		last.clock.pass(time.Second)
		return !last.Busy(r.spec.ARN)
	})
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
}

// still is a slate without ffmpeg: one picture, at a frame rate.
type still struct{ ready atomic.Bool }

var stillTrack = &media.Track{ID: 1, Kind: media.Video, Codec: media.H264, SPS: sps, PPS: pps, Width: 640, Height: 360, FrameRate: 30, Config: avcConfig()}

var stillPicture = []byte{0, 0, 0, 6, 0x65, 's', 'l', 'a', 't', 'e'}

func (s *still) Slate(f transcode.SlateFormat) *transcode.Slate {
	if !s.ready.Load() || f != (transcode.SlateFormat{Codec: media.H264, Profile: sps[1], Width: 1920, Height: 1080, FrameRate: 30}) {
		return nil
	}
	return &transcode.Slate{Track: stillTrack, Frames: []transcode.SlateFrame{{Payload: stillPicture, Key: true}}, Every: time.Second / 30}
}

func slated(d *channel.Deps) *still {
	s := &still{}
	s.ready.Store(true)
	d.Slates = s
	d.Now = time.Now
	return s
}

func TestViewersSeeASlateWhileAStreamWaits(t *testing.T) {
	var slates *still
	r, s, id := delivering(t, func(d *channel.Deps) { slates = slated(d) })
	slates.ready.Store(false)
	playlist := r.media()
	last := 0
	parts := func() int { // listed ones, and those before
		_, body := r.get(playlist)
		list, faults := hlscheck.Parse(body)
		if len(faults) > 0 {
			t.Fatalf("%q\n%s", faults, body)
		}
		n := int(list.MediaSequence) + len(list.Segments)
		if n < last {
			t.Fatalf("%d segments were %d\n%s", n, last, body)
		}
		last = n
		return n
	}
	s.Stop(errCut)
	eventually(t, "the stream waits", func() bool {
		l, err := r.Live(t.Context(), r.spec.ARN)
		return err == nil && l.Health == channel.Starving
	})
	before := parts()
	slates.ready.Store(true) // it took its time to be made
	eventually(t, "a slate", func() bool { return parts() > before+1 && r.holds(playlist, "slate") })
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "we are back soon"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "metadata within it", func() bool { return r.holds(playlist, "we are back soon") })
	l, err := r.Live(t.Context(), r.spec.ARN)
	if err != nil || l.Health != channel.Starving || l.StreamID != id || l.Video.Width != 1920 {
		t.Errorf("meanwhile: %+v, %v", l, err)
	}
	again := r.admit()
	if n := parts(); n < before {
		t.Error(n)
	}
	r.clock.pass(time.Since(r.clock.Now()))
	r.write(again, 0, 3*time.Second)
	eventually(t, "the encoder's picture", func() bool {
		_, body := r.get(playlist)
		list, _ := hlscheck.Parse(body)
		end := list.Segments[len(list.Segments)-1]
		return strings.Count(body, "#EXT-X-DISCONTINUITY\n") >= 2 && end.Map != "" && len(list.Segments) > 2 && parts() > before+2
	})
	again.Close()
	r.ended()
	if _, body := r.get(playlist); !strings.Contains(body, "#EXT-X-ENDLIST") {
		t.Errorf("after a goodbye:\n%s", body)
	}
	if diff := cmp.Diff(wholeLife, r.without()); diff != "" {
		t.Error(diff)
	}
}

// A line that dies without a word is only silent at first, and may come to life again.
func TestASilentEncodersViewersSeeASlateAndThenItsNextPicture(t *testing.T) {
	r, s, id := delivering(t, func(d *channel.Deps) { slated(d) })
	playlist := r.media()
	eventually(t, "a slate", func() bool { r.Tidy(); return r.holds(playlist, "slate") })
	r.clock.pass(time.Since(r.clock.Now()))
	r.write(s, 20*time.Second, 3*time.Second)
	eventually(t, "it delivers again", func() bool {
		l, err := r.Live(t.Context(), r.spec.ARN)
		_, body := r.get(playlist)
		return err == nil && l.Health == channel.Healthy && l.StreamID == id && strings.Count(body, "#EXT-X-DISCONTINUITY\n") >= 2
	})
}

func TestNoSlateIsShownToNobody(t *testing.T) {
	r := newRig(t, patient, func(d *channel.Deps) { slated(d) })
	r.admit().Stop(errCut) // it never was live
	r.ended()
	if _, err := r.Live(t.Context(), r.spec.ARN); fault.Of(err) != fault.NotLive {
		t.Error(err)
	}
}
