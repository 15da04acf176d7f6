package channel_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// events gives all events, and their names whatever member carries them.
func (r *rig) events() (names []string, details []map[string]any, events []store.Event) {
	r.t.Helper()
	events, err := r.db.Events(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		var d map[string]any
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			r.t.Fatal(err)
		}
		for _, member := range []string{"event_name", "recording_status", "limit_name"} {
			if name, ok := d[member].(string); ok {
				names = append(names, name)
			}
		}
		details = append(details, d)
	}
	return names, details, events
}

func (r *rig) names() []string { names, _, _ := r.events(); return names }

// record reads what is kept of the newest session of the channel.
func (r *rig) record() channel.Record {
	r.t.Helper()
	row, err := r.db.StreamSession(r.t.Context(), r.spec.ARN, "")
	if err != nil {
		r.t.Fatal(err)
	}
	var rec channel.Record
	if err := json.Unmarshal(row.Doc, &rec); err != nil {
		r.t.Fatal(err)
	}
	return rec
}

func (r *rig) ended() {
	r.t.Helper()
	eventually(r.t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
}

// until keeps housekeeping going until an event is told.
func (r *rig) until(names ...string) {
	r.t.Helper()
	eventually(r.t, strings.Join(names, ", "), func() bool {
		r.Tidy()
		return slices.Equal(r.names(), names)
	})
}

func TestEachStarvationBeginsAndEndsOnce(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	r.until("Session Created", "Stream Start")
	r.clock.pass(3 * time.Second)
	r.until("Session Created", "Stream Start", "Starvation Start")
	r.write(s, time.Second, time.Second)
	r.until("Session Created", "Stream Start", "Starvation Start", "Starvation End")
	r.clock.pass(3 * time.Second)
	r.until("Session Created", "Stream Start", "Starvation Start", "Starvation End", "Starvation Start")
	s.Close()
	r.ended()
	want := []string{
		"Session Created", "Stream Start", "Starvation Start", "Starvation End", "Starvation Start", "Starvation End",
		"Stream End", "Session Ended",
	}
	if diff := cmp.Diff(want, r.names()); diff != "" {
		t.Error(diff)
	}
	_, details, events := r.events()
	if e := events[2]; e.DetailType != "IVS Stream Health Change" || !slices.Equal(e.Resources, []string{r.spec.ARN}) ||
		details[2]["channel_name"] != "radio" || details[2]["stream_id"] != details[0]["stream_id"] {
		t.Errorf("%+v: %s", e, e.Detail)
	}
	var noted []string
	for _, h := range r.record().Events {
		noted = append(noted, h.Name)
	}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("in the record:\n%s", diff)
	}
}

func TestRecoverEndsTheStarvationThatACrashLeft(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	r.until("Session Created", "Stream Start")
	r.clock.pass(3 * time.Second)
	r.until("Session Created", "Stream Start", "Starvation Start")
	next := channel.NewManager(r.deps)
	t.Cleanup(func() { _ = next.Close(t.Context()) })
	for range 2 {
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	r.ended()
	want := []string{"Session Created", "Stream Start", "Starvation Start", "Starvation End", "Stream End", "Session Ended"}
	if diff := cmp.Diff(want, r.names()); diff != "" {
		t.Error(diff)
	}
}

func TestAStreamFailsOnlyByTheEncodersMediaOrOurFault(t *testing.T) {
	broken := *video
	broken.Config = nil
	for name, c := range map[string]struct {
		end    func(*rig, *media.Stream)
		reason string
	}{
		"the encoder said goodbye":        {func(_ *rig, s *media.Stream) { s.Close() }, ""},
		"the line was cut":                {func(_ *rig, s *media.Stream) { s.Stop(fault.Down("the connection was lost")) }, ""},
		"the owner stopped it":            {func(r *rig, _ *media.Stream) { _ = r.Stop(r.t.Context(), r.spec.ARN) }, ""},
		"the encoder sent what is no use": {func(_ *rig, s *media.Stream) { s.Stop(fault.InvalidInput("broken AAC audio")) }, "broken AAC audio"},
		"what came could not be packaged": {func(r *rig, s *media.Stream) {
			for i := range 40 {
				at := 2*time.Second + time.Duration(i)*time.Second/30
				if s.Write(&media.Frame{Track: &broken, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: i == 0, Payload: []byte{0, 0, 0, 1, 0x65}}) != nil {
					return
				}
			}
		}, "the stream could not be packaged"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			s := r.admit()
			r.write(s, 0, 2*time.Second)
			eventually(t, "live", r.live)
			c.end(r, s)
			r.ended()
			names, details, _ := r.events()
			want := wholeLife
			if c.reason != "" {
				want = []string{"Session Created", "Stream Start", "Stream Failure", "Stream End", "Session Ended"}
				if len(details) > 2 && details[2]["reason"] != c.reason {
					t.Errorf("the reason is %v", details[2]["reason"])
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAChannelThatWantsARecordingHearsThatThereIsNone(t *testing.T) {
	const configuration = "arn:aws:ivs:us-east-1:000000000000:recording-configuration/AbCdEf123456"
	r := newRig(t, func(d *channel.Deps) {
		s := d.Directory.(directory)[key]
		s.RecordingARN, s.Snapshot = configuration, json.RawMessage(`{"channel":{"name":"radio"}}`)
		d.Directory.(directory)[key] = s
	})
	s := r.admit()
	r.write(s, 0, time.Second)
	s.Close()
	r.ended()
	names, details, events := r.events()
	if diff := cmp.Diff([]string{"Session Created", "Stream Start", "Recording Start Failure", "Stream End", "Session Ended"}, names); diff != "" {
		t.Fatal(diff)
	}
	id, _ := details[2]["recording_session_id"].(string)
	delete(details[2], "recording_session_id")
	want := map[string]any{
		"channel_name": "radio", "stream_id": details[0]["stream_id"], "recording_status": "Recording Start Failure",
		"recording_status_reason": "RecordingNotSupported", "recording_s3_bucket_name": "", "recording_s3_key_prefix": "",
		"recording_duration_ms": 0.0,
	}
	if diff := cmp.Diff(want, details[2]); diff != "" || len(id) != 16 || events[2].DetailType != "IVS Recording State Change" {
		t.Errorf("%s, session %q:\n%s", events[2].DetailType, id, diff)
	}
	rec := r.record()
	if string(rec.Channel.Snapshot) != `{"channel":{"name":"radio"}}` || rec.Channel.RecordingARN != configuration {
		t.Errorf("the record keeps %+v", rec.Channel)
	}
}

func TestAnAdBreakIsToldMarkedAndAlone(t *testing.T) {
	r := newRig(t)
	if _, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Minute); fault.Of(err) != fault.NotLive {
		t.Errorf("offline: %v", err)
	}
	s := r.admit()
	r.write(s, 0, 3*time.Second)
	r.until("Session Created", "Stream Start")
	first, err := r.InsertAdBreak(t.Context(), r.spec.ARN, 30*time.Second)
	if err != nil || len(first.ID) != 12 || first.Duration != 30*time.Second {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Second); fault.Of(err) != fault.Conflict {
		t.Errorf("while it runs: %v", err)
	}
	_, details, events := r.events()
	want := map[string]any{
		"event_name": "Ad Break Inserted", "channel_name": "radio", "stream_id": details[0]["stream_id"], "ad_break_id": first.ID,
		"duration_seconds": 30.0, "target_start_time": first.Start.Format(time.RFC3339Nano),
	}
	if diff := cmp.Diff(want, details[2]); diff != "" || events[2].DetailType != "IVS Ad Break State Change" {
		t.Errorf("%s:\n%s", events[2].DetailType, diff)
	}
	if h := r.record().Events[2]; h.Name != "Ad Break Inserted" || h.Type != "IVS Ad Break State Change" {
		t.Errorf("the record says %+v", h)
	}
	_, body := r.get(r.media())
	list, faults := hlscheck.Parse(body)
	if len(faults) > 0 || len(list.Ranges) != 1 {
		t.Fatalf("%q\n%s", faults, body)
	}
	if mark := list.Ranges[0]; mark.ID != first.ID || mark.Planned != 30 || !mark.Start.Equal(first.Start) || mark.Class != "streamcat-ad-break" {
		t.Errorf("the mark is %+v", mark)
	}
	r.clock.pass(30 * time.Second)
	second, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Minute)
	if err != nil || second.ID == first.ID {
		t.Errorf("after it: %+v, %v", second, err)
	}
	s.Close()
	r.ended()
	if _, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Minute); fault.Of(err) != fault.NotLive {
		t.Errorf("after the stream: %v", err)
	}
	again := r.admit()
	r.write(again, 5*time.Second, time.Second)
	eventually(t, "live again", r.live)
	eventually(t, "the next stream's own break", func() bool {
		_, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Second)
		return err == nil
	})
}

// The dates of the playlists go by the encoder's clock from its first frame on. Ours may go other, or be set.
func TestAnAdBreakBeginsWhereTheMediaIs(t *testing.T) {
	for _, step := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		r := newRig(t)
		s := r.admit()
		r.write(s, 0, 4*time.Second)
		r.until("Session Created", "Stream Start")
		var list *hlscheck.Playlist
		eventually(t, "all of it is packaged", func() bool {
			_, body := r.get(r.media())
			list, _ = hlscheck.Parse(body)
			return len(list.Segments) > 4
		})
		r.clock.pass(step)
		b, err := r.InsertAdBreak(t.Context(), r.spec.ARN, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_, body := r.get(r.media())
		list, faults := hlscheck.Parse(body)
		if len(faults) > 0 || len(list.Ranges) != 1 {
			t.Fatalf("the clock went %v: %q\n%s", step, faults, body)
		}
		edge := list.Segments[len(list.Segments)-1].Date
		if start := list.Ranges[0].Start; start.Before(edge) || start.After(edge.Add(time.Second)) || !start.Equal(b.Start) {
			t.Errorf("the clock went %v: it begins at %v, and the last segment at %v", step, start, edge)
		}
	}
}

func TestTooManyStreamsAreRefusedAndToldOncePerMinute(t *testing.T) {
	other := minter.New("channel")
	r := newRig(t, func(d *channel.Deps) {
		d.MaxStreams = 1
		d.Directory.(directory)["other"] = channel.Spec{ARN: other, ID: other[len(other)-12:], Name: "tv"}
	})
	s := r.admit()
	for range 3 {
		if _, err := r.Admit(t.Context(), media.Publisher{Key: "other"}); fault.Of(err) != fault.Quota {
			t.Fatalf("one too many: %v", err)
		}
	}
	r.until("Session Created", "Concurrent Broadcasts")
	r.clock.pass(4 * time.Second)
	taken := r.admit() // the same key takes over: there are no more streams by that
	if s.Err() == nil {
		t.Error("the first runs on")
	}
	r.clock.pass(time.Minute)
	if _, err := r.Admit(t.Context(), media.Publisher{Key: "other"}); fault.Of(err) != fault.Quota {
		t.Fatalf("a minute later: %v", err)
	}
	eventually(t, "told again", func() bool {
		_, details, events := r.events()
		n := 0
		for i, e := range events {
			if e.DetailType != "IVS Limit Breach" {
				continue
			}
			n++
			want := map[string]any{"limit_name": "Concurrent Broadcasts", "limit_value": 1.0, "exceeded_by": 1.0, "limit_unit": "active streams"}
			if diff := cmp.Diff(want, details[i]); diff != "" || len(e.Resources) != 0 {
				t.Errorf("%v\n%s", e.Resources, diff)
			}
		}
		return n == 2
	})
	taken.Close()
	r.ended()
	if _, err := r.Admit(t.Context(), media.Publisher{Key: "other"}); err != nil {
		t.Errorf("when there is room: %v", err)
	}
}
