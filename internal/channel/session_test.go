package channel_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

func TestARecordKeepsTheNewestEvents(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "live", r.live)
	eventually(t, "the start is written", func() bool { return len(r.record().Events) == 2 })
	rec := r.record()
	for i := range 497 {
		rec.Events = append(rec.Events, channel.Happening{Name: "Something", Time: r.clock.Now().Add(time.Duration(i))})
	}
	doc, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.db.UpdateStreamSession(t.Context(), r.id(), func(row *store.StreamSession) error { row.Doc = doc; return nil }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.InsertAdBreak(t.Context(), r.spec.ARN, time.Millisecond); err != nil {
			t.Fatal(err)
		}
		r.clock.pass(2 * time.Millisecond)
	}
	events := r.record().Events
	if len(events) != 500 || events[0].Name != "Something" || events[496].Name != "Something" || events[497].Name != "Ad Break Inserted" ||
		events[499].Time.Before(events[498].Time) || !events[0].Time.Equal(rec.Events[2].Time) {
		t.Errorf("%d events, the first is %+v", len(events), events[0])
	}
}

func TestASessionStartsWithItsFirstFrame(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.clock.pass(time.Second)
	first := r.clock.Now()
	r.write(s, 0, time.Second)
	eventually(t, "the start is written", func() bool { return r.record().Live })
	row, err := r.db.StreamSession(t.Context(), r.spec.ARN, "")
	if err != nil || !row.Started.Equal(first.Truncate(time.Microsecond)) {
		t.Errorf("started %v, want %v, %v", row.Started, first, err)
	}
}

func TestLiveChannelsComeNewestFirst(t *testing.T) {
	r := newRig(t)
	for _, k := range []string{key, "private"} {
		s, err := r.Admit(t.Context(), media.Publisher{Key: k})
		if err != nil {
			t.Fatal(err)
		}
		r.clock.pass(time.Second)
		r.write(s, 0, time.Second)
		want := map[string]int{key: 1, "private": 2}[k]
		eventually(t, "live", func() bool { return len(r.LiveAll(t.Context())) == want })
	}
	if all := r.LiveAll(t.Context()); !all[0].Authorized || !all[0].Started.After(all[1].Started) {
		t.Errorf("%+v", all)
	}
}
