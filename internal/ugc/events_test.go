package ugc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// told makes the event of a stream at a minute after the beginning of the test's time.
func told(name, stream, channelARN string, minute int) Event {
	detail, err := json.Marshal(map[string]string{"event_name": name, "channel_name": "x", "stream_id": stream})
	if err != nil {
		panic(err)
	}
	return Event{
		ID: fmt.Sprintf("%s/%s/%s", name, stream, channelARN), DetailType: "IVS Stream State Change", Source: "aws.ivs",
		Time: at(minute), Resources: []string{channelARN}, Detail: detail,
	}
}

func at(minute int) time.Time {
	return time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

func (w *world) handle(events ...Event) {
	w.t.Helper()
	for _, e := range events {
		if err := w.Handle(w.t.Context(), e); err != nil {
			w.t.Fatalf("handle %s: %v", e.ID, err)
		}
	}
}

// history is a person's streams as "id start-end", the newest first; an end that was concluded carries
// a question mark.
func (w *world) history(u User) (out []string) {
	w.t.Helper()
	rows, err := w.rows.Streams(w.t.Context(), u.ID, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range rows {
		line := fmt.Sprintf("%s %d-", s.ID, int(s.Started.Sub(at(0)).Minutes()))
		if !s.Ended.IsZero() {
			line += fmt.Sprint(int(s.Ended.Sub(at(0)).Minutes()))
		}
		if s.Assumed {
			line += "?"
		}
		out = append(out, line)
	}
	return out
}

func (w *world) liveSince(u User) string {
	w.t.Helper()
	c, err := w.Card(w.t.Context(), u.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	if !c.Live {
		return "off"
	}
	return fmt.Sprint(int(c.StartedAt.Sub(at(0)).Minutes()))
}

func TestEventsSetTheLiveFlagInWhateverOrderTheyCome(t *testing.T) {
	type e struct {
		name, stream string
		minute       int
	}
	start := func(s string, m int) e { return e{"Stream Start", s, m} }
	end := func(s string, m int) e { return e{"Stream End", s, m} }
	for _, c := range []struct {
		name    string
		events  []e
		live    string // minute of its start, or "off"
		history []string
	}{
		{"a start", []e{start("A", 1)}, "1", []string{"A 1-"}},
		{"start and end", []e{start("A", 1), end("A", 3)}, "off", []string{"A 1-3"}},
		{"end before start", []e{end("A", 3), start("A", 1)}, "off", []string{"A 1-3"}},
		{"an end whose start never comes", []e{end("A", 3)}, "off", nil},
		{"each twice", []e{start("A", 1), start("A", 1), end("A", 3), end("A", 3)}, "off", []string{"A 1-3"}},
		{"a start that comes again after the end", []e{start("A", 1), end("A", 3), start("A", 1)}, "off", []string{"A 1-3"}},
		{"two streams in order", []e{start("A", 1), end("A", 3), start("B", 4)}, "4", []string{"B 4-", "A 1-3"}},
		{"the second start before the first end", []e{start("A", 1), start("B", 4), end("A", 3)}, "4", []string{"B 4-", "A 1-3"}},
		{"a lost end", []e{start("A", 1), start("B", 4)}, "4", []string{"B 4-", "A 1-4?"}},
		{"an old start, very late", []e{start("B", 4), start("A", 1)}, "4", []string{"B 4-", "A 1-4?"}},
		{"an old start after all is over", []e{start("B", 4), end("B", 6), start("A", 1)}, "off", []string{"B 4-6", "A 1-4?"}},
		{"an old stream does not end the new one", []e{start("B", 4), end("A", 3), start("A", 1)}, "4", []string{"B 4-", "A 1-3"}},
		{"other events of a session", []e{{"Session Created", "A", 0}, start("A", 1), {"Session Ended", "A", 2}, {"Starvation Start", "A", 2}}, "1", []string{"A 1-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			u := w.register("ada")
			arn := w.channelARN(u)
			for i, e := range c.events {
				ev := told(e.name, e.stream, arn, e.minute)
				ev.ID = fmt.Sprint(i) // another event, even if it says the same
				w.handle(ev)
			}
			if got := w.liveSince(u); got != c.live {
				t.Errorf("live since %s, want %s", got, c.live)
			}
			if got := w.history(u); !slices.Equal(got, c.history) {
				t.Errorf("history = %q, want %q", got, c.history)
			}
		})
	}
}

func TestAnyOrderOfAllEventsEndsTheSame(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(2026, 11))
	for round := range 10 {
		u := w.register(fmt.Sprintf("person-%d", round))
		arn := w.channelARN(u)
		id := func(s string) string { return fmt.Sprintf("%s%d", s, round) }
		events := []Event{
			told("Stream Start", id("A"), arn, 1), told("Stream End", id("A"), arn, 3),
			told("Stream Start", id("B"), arn, 4), told("Stream End", id("B"), arn, 6),
			told("Stream Start", id("C"), arn, 8),
		}
		events = append(events, events...) // at least once means twice
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		w.handle(events...)
		want := []string{id("C") + " 8-", id("B") + " 4-6", id("A") + " 1-3"}
		if got := w.history(u); !slices.Equal(got, want) || w.liveSince(u) != "8" {
			t.Fatalf("history = %q, live since %s", got, w.liveSince(u))
		}
	}
}

func TestEventsAtTheSameTimeDoNotLoseEachOther(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	var all sync.WaitGroup
	for i := range 20 {
		for _, e := range []Event{told("Stream Start", fmt.Sprint("S", i), arn, 2*i), told("Stream End", fmt.Sprint("S", i), arn, 2*i+1)} {
			all.Go(func() {
				err := w.Handle(t.Context(), e)
				for fault.Of(err) == fault.Unavailable { // the database is busy: it is offered again, as by who tells events
					err = w.Handle(t.Context(), e)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if got := w.liveSince(u); got != "off" {
		t.Errorf("live since %s, want off", got)
	}
	if got := w.history(u); len(got) != 20 || slices.ContainsFunc(got, func(s string) bool { return s[len(s)-1] == '?' || s[len(s)-1] == '-' }) {
		t.Errorf("history = %q", got)
	}
}

func TestEventsThatAreNoneOfTheAppsArePassedOver(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	foreign := told("Stream Start", "A", "arn:aws:ivs:us-east-1:000000000000:channel/strangerstra", 1)
	other := told("Stream Start", "A", arn, 1)
	other.DetailType = "IVS Recording State Change"
	source := told("Stream Start", "A", arn, 1)
	source.Source = "someone.else"
	w.handle(foreign, other, source)
	if got := w.liveSince(u); got != "off" {
		t.Errorf("live since %s, want off", got)
	}
}

func TestBrokenEnvelopesAreInvalid(t *testing.T) {
	w := newWorld(t)
	good := told("Stream Start", "A", w.channelARN(w.register("ada")), 1)
	for name, spoil := range map[string]func(e *Event){
		"no id":                   func(e *Event) { e.ID = "" },
		"no detail type":          func(e *Event) { e.DetailType = "" },
		"no time":                 func(e *Event) { e.Time = time.Time{} },
		"no resource":             func(e *Event) { e.Resources = nil },
		"a detail that is a list": func(e *Event) { e.Detail = json.RawMessage(`[]`) },
		"no detail":               func(e *Event) { e.Detail = nil },
		"no stream":               func(e *Event) { e.Detail = json.RawMessage(`{"event_name":"Stream Start"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			spoil(&e)
			if err := w.Handle(t.Context(), e); fault.Of(err) != fault.Invalid {
				t.Errorf("err = %v, want invalid", err)
			}
		})
	}
}

// runs puts a stream on air at the service, without a word to the app.
func (w *world) runs(channelARN, stream string, since time.Time, viewers int64) {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	w.cloud.streams[channelARN] = ivstypes.StreamSummary{
		ChannelArn: &channelARN, StreamId: &stream, StartTime: aws.Time(since), State: ivstypes.StreamStateStreamLive, ViewerCount: viewers,
	}
}

func (w *world) stops(channelARN string) {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	delete(w.cloud.streams, channelARN)
}

func (w *world) polls() {
	w.t.Helper()
	if err := w.poll(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func TestPollingMakesGoodForLostEvents(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)

	w.runs(arn, "A", at(1), 3)
	w.runs("arn:aws:ivs:us-east-1:000000000000:channel/strangerstra", "X", at(1), 3)
	w.clock.pass(listEvery)
	w.polls()
	if got := w.liveSince(u); got != "1" {
		t.Fatalf("a lost start: live since %s, want 1", got)
	}
	w.stops(arn)
	w.clock.pass(5 * time.Minute)
	w.polls()
	if got := w.history(u); !slices.Equal(got, []string{"A 1-6?"}) || w.liveSince(u) != "off" {
		t.Fatalf("a lost end: history = %q, live since %s", got, w.liveSince(u))
	}
	w.handle(told("Stream End", "A", arn, 4), told("Stream Start", "A", arn, 1))
	if got := w.history(u); !slices.Equal(got, []string{"A 1-4"}) {
		t.Errorf("the events after all: history = %q", got)
	}
}

func TestAnEndThatWasOnlyConcludedIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	w.handle(told("Stream Start", "A", arn, 0))
	w.clock.pass(5 * time.Minute)
	w.polls()
	if got := w.liveSince(u); got != "off" {
		t.Fatalf("live since %s, want off", got)
	}
	w.runs(arn, "A", at(0), 1)
	w.clock.pass(listEvery)
	w.polls()
	if got := w.history(u); !slices.Equal(got, []string{"A 0-"}) || w.liveSince(u) != "0" {
		t.Errorf("history = %q, live since %s", got, w.liveSince(u))
	}
}

func TestAServiceThatLagsBehindItsEventsChangesNothing(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	w.handle(told("Stream Start", "A", arn, 0))
	w.clock.pass(settling / 2)
	w.polls() // not listed yet
	if got := w.liveSince(u); got != "0" {
		t.Errorf("a new stream that is not listed yet: live since %s, want 0", got)
	}
	w.handle(told("Stream End", "A", arn, 1))
	w.runs(arn, "A", at(0), 1)
	w.clock.pass(listEvery)
	w.polls() // still listed
	if got := w.liveSince(u); got != "off" {
		t.Errorf("an ended stream that is still listed: live since %s, want off", got)
	}
}

func TestAFailingServiceEndsNobodysStream(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	w.handle(told("Stream Start", "A", w.channelARN(u), 0))
	w.clock.pass(time.Hour)
	for _, op := range []string{"ListStreams", "GetStream"} {
		w.cloud.goWrong(op, mishap{})
		if err := w.poll(t.Context()); err == nil {
			t.Errorf("%s fails and nothing is said", op)
		}
		if got := w.liveSince(u); got != "0" {
			t.Fatalf("%s fails: live since %s, want 0", op, got)
		}
	}
}

func TestAnotherStreamThanTheOneToldTakesItsPlace(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	w.handle(told("Stream Start", "A", arn, 0))
	w.runs(arn, "B", at(2), 7)
	w.clock.pass(5 * time.Minute)
	w.polls()
	if got := w.liveSince(u); got != "2" {
		t.Errorf("live since %s, want 2", got)
	}
	if c, _ := w.Card(t.Context(), "ada"); c.Viewers != 7 {
		t.Errorf("viewers = %d, want 7", c.Viewers)
	}
}
