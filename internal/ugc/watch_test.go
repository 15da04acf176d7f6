package ugc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// heard collects what watchers are told, as "name live viewers title".
type heard struct{ lines []string }

func (h *heard) tell(c Card) {
	h.lines = append(h.lines, fmt.Sprint(c.Username, " ", c.Live, " ", c.Viewers, " ", c.Title))
}

func (h *heard) take() []string {
	out := h.lines
	h.lines = nil
	return out
}

func TestWatchersHearEveryChangeOnce(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	var h heard
	stop := w.Watch(h.tell)
	expect := func(what string, want ...string) {
		t.Helper()
		if got := h.take(); !slices.Equal(got, want) {
			t.Errorf("%s: heard %q, want %q", what, got, want)
		}
	}

	w.handle(told("Stream Start", "A", arn, 0))
	expect("going live", "ada true 0 ada’s channel")
	w.handle(told("Stream Start", "A", arn, 0))
	expect("the same event again")
	w.runs(arn, "A", at(0), 4)
	w.polls()
	expect("viewers", "ada true 4 ada’s channel")
	w.polls()
	expect("nothing new")
	w.runs(arn, "A", at(0), -1)
	w.polls()
	expect("a count that timed out")
	title := "  New\ttitle \n"
	if err := w.UpdateProfile(t.Context(), u.ID, Change{Title: &title}); err != nil {
		t.Fatal(err)
	}
	expect("a title", "ada true 4 New title")
	w.stops(arn)
	w.handle(told("Stream End", "A", arn, 1))
	expect("going off air", "ada false 0 New title")
	w.polls()
	expect("nothing new off air")

	if err := w.Look(t.Context(), []string{"ADA", "nobody"}, h.tell); err != nil {
		t.Fatal(err)
	}
	expect("looking", "ada false 0 New title")
	stop()
	w.handle(told("Stream Start", "B", arn, 2))
	expect("after the end of watching")
	if err := w.Look(t.Context(), nil, h.tell); err != nil {
		t.Fatal(err)
	}
	expect("looking at all", "ada true 0 New title")
}

func TestViewersAreToldThatAStreamIsInterrupted(t *testing.T) {
	w := newWorld(t)
	arn := w.channelARN(w.register("ada"))
	var cards []Card
	w.Watch(func(c Card) { cards = append(cards, c) })
	starves := func(now bool) {
		w.cloud.mu.Lock()
		defer w.cloud.mu.Unlock()
		s := w.cloud.streams[arn]
		s.Health = ivstypes.StreamHealthStreamHealthy
		if now {
			s.Health = ivstypes.StreamHealthStarving
		}
		w.cloud.streams[arn] = s
	}
	expect := func(when string, want ...bool) {
		t.Helper()
		var got []bool
		for _, c := range cards {
			got = append(got, c.Live && c.Viewers == 3 && c.Interrupted)
		}
		if cards = nil; !slices.Equal(got, want) {
			t.Errorf("%s: interrupted %v, want %v", when, got, want)
		}
	}
	news := func(name, channelARN string) {
		t.Helper()
		e := told(name, "A", channelARN, 1)
		e.DetailType = "IVS Stream Health Change"
		w.handle(e)
	}
	news("Starvation Start", arn)
	expect("off air")
	w.handle(told("Stream Start", "A", arn, 0))
	w.runs(arn, "A", at(0), 3)
	starves(false)
	w.polls()
	expect("all is well", false, false)
	starves(true)
	w.polls()
	expect("polled", true)
	starves(false)
	news("Limit Breach", arn)
	expect("other news")
	news("Starvation Start", arn) // late: the service knows better
	expect("told, and over again", false)
	starves(true)
	news("Starvation Start", arn)
	expect("told", true)
	w.cloud.goWrong("GetStream", mishap{})
	starves(false)
	news("Starvation End", arn)
	expect("told, and the service is away")
	w.polls()
	expect("polled after all", false)
	w.runs(arn, "B", at(0), 3)
	starves(true)
	news("Starvation Start", arn)
	news("Starvation Start", "arn:aws:ivs:us-east-1:000000000000:channel/strangerstra")
	expect("of another stream than the one on air")
}

func TestACrowdThatLooksDoesNotHoldUpNewsAndMayGiveUp(t *testing.T) {
	w := newWorld(t)
	arn := w.channelARN(w.register("ada"))
	var news heard
	w.Watch(news.tell)
	for range maxLooking {
		w.looking <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	for range 100 {
		crowd.Go(func() {
			if err := w.Look(ctx, []string{"ada"}, func(Card) {}); !errors.Is(err, context.Canceled) {
				t.Errorf("looking ended with %v", err)
			}
		})
	}
	w.handle(told("Stream Start", "A", arn, 0))
	if got := news.take(); len(got) != 1 {
		t.Errorf("news: %q", got)
	}
	cancel()
	crowd.Wait()
	<-w.looking
	if err := w.Look(t.Context(), []string{"ada"}, news.tell); err != nil || len(news.take()) != 1 {
		t.Errorf("looking once there is room: %v", err)
	}
}

func TestChangesThatAnotherNodeWroteAreNoticed(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	arn := w.channelARN(u)
	other := New(w.Deps)
	var h heard
	w.Watch(h.tell)

	w.runs(arn, "A", at(0), 1)
	if err := other.Handle(t.Context(), told("Stream Start", "A", arn, 0)); err != nil {
		t.Fatal(err)
	}
	w.polls()
	if got := h.take(); !slices.Equal(got, []string{"ada true 1 ada’s channel"}) {
		t.Errorf("heard %q", got)
	}
	w.stops(arn)
	if err := other.Handle(t.Context(), told("Stream End", "A", arn, 1)); err != nil {
		t.Fatal(err)
	}
	w.polls()
	if got := h.take(); !slices.Equal(got, []string{"ada false 0 ada’s channel"}) {
		t.Errorf("heard %q", got)
	}
}

func TestViewersAreAskedForOnlyWhileSomebodyIsLive(t *testing.T) {
	w := newWorld(t)
	arn := w.channelARN(w.register("ada"))
	before := w.cloud.count("ListStreams")
	for range 11 {
		w.clock.pass(pollEvery)
		w.polls()
	}
	if n := w.cloud.count("ListStreams") - before; n != 0 {
		t.Errorf("asked %d times in 55 s while nobody was live", n)
	}
	w.runs(arn, "A", at(0), 1)
	w.handle(told("Stream Start", "A", arn, 0))
	for range 4 {
		w.clock.pass(pollEvery)
		w.polls()
	}
	if n := w.cloud.count("ListStreams") - before; n != 4 {
		t.Errorf("asked %d times in four polls of a live channel, want 4", n)
	}
}

func TestHomeShowsTheMostWatchedFirstAndThenTheLatest(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"one", "two", "three", "four", "five"} {
		arn := w.channelARN(w.register(name))
		if name == "five" {
			continue // never on air
		}
		w.handle(told("Stream Start", name, arn, i))
		if name == "one" || name == "two" {
			w.runs(arn, name, at(i), int64(10*(i+1)))
		} else {
			w.handle(told("Stream End", name, arn, 10-i))
		}
	}
	w.polls()
	live, recent, err := w.Home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range append(live, recent...) {
		got = append(got, c.Username)
	}
	if want := []string{"two", "one", "four", "three"}; !slices.Equal(got, want) {
		t.Errorf("home = %v, want %v", got, want)
	}
}

func TestProfileKeepsItsAddressesWhileTheServiceIsAway(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	first, err := w.Profile(t.Context(), "ADA")
	if err != nil {
		t.Fatal(err)
	}
	if first.PlaybackURL == "" || first.IngestEndpoint != "in.example" || !first.HasRoom || first.LastLiveAt != nil {
		t.Errorf("profile = %+v", first)
	}
	w.cloud.goWrong("GetChannel", mishap{lasting: true})
	w.clock.pass(time.Hour)
	again, err := w.Profile(t.Context(), "ada")
	if err != nil || again.PlaybackURL != first.PlaybackURL {
		t.Errorf("profile = %+v, %v", again, err)
	}
	w.register("grace")
	if _, err := w.Profile(t.Context(), "grace"); fault.Of(err) != fault.Unavailable {
		t.Errorf("err = %v, want unavailable", err)
	}
}

func TestProfileChangesAreChecked(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	long, blank, category, unknown := strings.Repeat("ä", 141), " \t\u200b ", "gaming", "cooking"
	for name, c := range map[string]struct {
		change Change
		field  string
	}{
		"a blank title":       {Change{Title: &blank}, "title"},
		"an endless title":    {Change{Title: &long}, "title"},
		"an unknown category": {Change{CategoryID: &unknown}, "categoryId"},
	} {
		err := w.UpdateProfile(t.Context(), u.ID, c.change)
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != c.field {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if err := w.UpdateProfile(t.Context(), u.ID, Change{CategoryID: &category}); err != nil {
		t.Fatal(err)
	}
	c, err := w.Card(t.Context(), "ada")
	if err != nil || c.Category.Name != "Sports & Gaming" || c.Title != "ada’s channel" {
		t.Errorf("card = %+v, %v", c, err)
	}
}
