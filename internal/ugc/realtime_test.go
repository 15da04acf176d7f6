package ugc

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// onStage makes somebody who publishes on their stage and went live in real time.
func (w *world) onStage(name string) (User, StageToken) {
	w.t.Helper()
	u := w.register(name)
	host := w.hostToken(u)
	w.publishes(host.ParticipantID)
	w.golive(u)
	w.roomHeard(realTimeEvent, "isLive")
	return u, host
}

func (w *world) golive(u User) {
	w.t.Helper()
	if state, err := w.GoRealTime(w.t.Context(), u.ID, true); err != nil || !state.IsLive {
		w.t.Fatal(state, err)
	}
}

func (w *world) isLive(u User) bool {
	w.t.Helper()
	c, err := w.Card(w.t.Context(), u.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	if c.RealTime != (c.RealTimeSince != nil) {
		w.t.Errorf("card %+v", c)
	}
	return c.RealTime
}

// looks is one round of what Run does about stages.
func (w *world) looks() {
	w.t.Helper()
	if err := w.checkStages(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheHostSwitchesRealTimeOnAndOff(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	host := w.hostToken(ada)
	w.publishes(host.ParticipantID)
	var h heard
	w.Watch(func(c Card) { h.lines = append(h.lines, fmt.Sprint(c.Username, " ", c.RealTime, " ", c.Live)) })
	first, err := w.GoRealTime(t.Context(), ada.ID, true)
	if err != nil || !first.IsLive || !first.Since.Equal(w.clock.Now()) {
		t.Fatalf("on: %+v, %v", first, err)
	}
	w.clock.pass(time.Minute)
	if again, err := w.GoRealTime(t.Context(), ada.ID, true); err != nil || !again.Since.Equal(*first.Since) {
		t.Errorf("on again: %+v, %v", again, err)
	}
	live, _, err := w.Home(t.Context())
	if err != nil || len(live) != 1 || !live[0].RealTime || live[0].Live {
		t.Errorf("home: %+v, %v", live, err)
	}
	if s, err := w.Studio(t.Context(), ada.ID); err != nil || !s.RealTime.IsLive || s.Username != "ada" || s.StageID != host.StageID {
		t.Errorf("studio: %+v, %v", s, err)
	}
	if off, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil || off.IsLive || off.Since != nil {
		t.Errorf("off: %+v, %v", off, err)
	}
	if _, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil {
		t.Errorf("off again: %v", err)
	}
	if want := []string{"ada true false", "ada false false"}; !slices.Equal(h.lines, want) {
		t.Errorf("pages heard %q, want %q", h.lines, want)
	}
	c, _ := w.rows.Channel(t.Context(), ada.ID)
	want := []said{
		{c.RoomARN, "StreamCat:RealTimeUpdate", map[string]string{"isLive": "true", "channel": "ada"}},
		{c.RoomARN, "StreamCat:RealTimeUpdate", map[string]string{"isLive": "false", "channel": "ada"}},
	}
	if fmt.Sprint(w.cloud.said) != fmt.Sprint(want) {
		t.Errorf("said %+v", w.cloud.said)
	}
}

func TestGoingLiveNeedsTheHostOnTheStage(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	host := w.hostToken(ada)
	guest := w.invite(ada, bob.ID, "")
	w.publishes(guest.ParticipantID)
	elsewhere := w.hostToken(bob)
	w.publishes(elsewhere.ParticipantID)
	for what, act := range map[string]func(){
		"not there":             func() {},
		"there without a sound": func() { w.happens(host.ParticipantID, realtimetypes.EventNameJoined) },
		"not any more": func() {
			w.happens(host.ParticipantID, realtimetypes.EventNamePublishStarted)
			w.clock.pass(time.Second)
			w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
		},
	} {
		act()
		ctx, cancel := context.WithTimeout(t.Context(), 2*hostLook)
		if _, err := w.GoRealTime(ctx, ada.ID, true); code(err) != "not-on-stage" || fault.Of(err) != fault.Conflict {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
	}
	if w.isLive(ada) || w.roomHeard(realTimeEvent, "isLive") != nil {
		t.Error("viewers were told")
	}
	w.cloud.goWrong("GetStage", mishap{lasting: true})
	ctx, cancel := context.WithTimeout(t.Context(), 2*hostLook)
	defer cancel()
	if _, err := w.GoRealTime(ctx, ada.ID, true); fault.Of(err) != fault.Unavailable {
		t.Errorf("while the service is away: %v", err)
	}
}

func TestAHostOfWhomThereIsMoreToReadThanCanBeIsWhereEventsToldThem(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	host := w.hostToken(ada)
	w.happens(host.ParticipantID, realtimetypes.EventNameJoined)
	for range maxEventPages * 50 {
		w.happens(host.ParticipantID, realtimetypes.EventNamePublishStarted)
		w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
	}
	w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
	c, err := w.rows.Channel(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := w.askForHost(t.Context(), c); there || err != nil {
		t.Errorf("before they publish: %v, %v", there, err)
	}
	w.publishes(host.ParticipantID)
	if there, err := w.askForHost(t.Context(), c); !there || err != nil {
		t.Errorf("while they publish: %v, %v", there, err)
	}
	w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
	w.handle(w.stageEvent("Participant Unpublished", host.ParticipantID))
	if there, err := w.askForHost(t.Context(), c); there || err != nil {
		t.Errorf("then: %v, %v", there, err)
	}
}

func TestTheFirstClickWaitsForTheServiceToSeeTheHost(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	host := w.hostToken(ada)
	looked := 0
	late := mishap{answered: true, late: true, meanwhile: func() {
		if looked++; looked == 3 {
			w.happens(host.ParticipantID, realtimetypes.EventNamePublishStarted) // and its event never comes
		}
	}}
	w.cloud.goWrong("GetStage", late, late, late)
	w.golive(ada)
	if looked != 3 {
		t.Errorf("live after %d looks", looked)
	}
}

func TestWhatEventsToldHelpsWhileTheServiceIsAway(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	w.publishes(w.hostToken(ada).ParticipantID)
	w.cloud.goWrong("ListParticipants", mishap{lasting: true})
	w.golive(ada)
}

// Fault 10 of the original: a crash of the host leaves the stage "live".
func TestAHostWhoIsGoneForFifteenSecondsIsOff(t *testing.T) {
	for name, c := range map[string]struct {
		goes  func(w *world, host string)
		lag   time.Duration // until the loss is noticed at the latest
		again func(w *world, host string)
	}{
		"a crash that events tell of": {func(w *world, host string) { w.leaves(host) }, 0, (*world).publishes},
		"a crash without any event": {
			func(w *world, host string) { w.happens(host, realtimetypes.EventNameLeft); w.looks() }, 0,
			func(w *world, host string) { w.happens(host, realtimetypes.EventNamePublishStarted); w.looks() },
		},
		"a camera that stopped without any event": {
			func(w *world, host string) { w.happens(host, realtimetypes.EventNamePublishStopped); w.looks() }, 0,
			func(w *world, host string) { w.happens(host, realtimetypes.EventNamePublishStarted); w.looks() },
		},
		"an event of a stop that comes late": {
			func(w *world, host string) {
				w.happens(host, realtimetypes.EventNamePublishStopped)
				e := w.stageEvent("Participant Unpublished", host)
				w.clock.pass(10 * time.Second)
				w.handle(e)
				w.clock.pass(-10 * time.Second)
			}, 0, (*world).publishes,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ada, host := w.onStage("ada")
			var h heard
			w.Watch(func(c Card) { h.lines = append(h.lines, fmt.Sprint(c.RealTime)) })
			lost := func(after time.Duration) bool {
				t.Helper()
				w.clock.pass(after)
				if err := w.endLost(t.Context()); err != nil {
					t.Fatal(err)
				}
				return !w.isLive(ada)
			}
			w.clock.pass(time.Minute)
			c.goes(w, host.ParticipantID)
			if lost(14 * time.Second) {
				t.Fatal("off after 14 s: a reload takes less")
			}
			c.again(w, host.ParticipantID)
			if lost(time.Minute) {
				t.Fatal("off although the host came back")
			}
			c.goes(w, host.ParticipantID)
			if lost(14*time.Second) || h.lines != nil {
				t.Fatal("off too early the second time")
			}
			if !lost(time.Second) {
				t.Error("live in real time without a host")
			}
			if !slices.Equal(h.lines, []string{"false"}) {
				t.Errorf("pages heard %q", h.lines)
			}
			if got := w.roomHeard(realTimeEvent, "isLive"); !slices.Equal(got, []string{"false"}) {
				t.Errorf("the room heard %q", got)
			}
			c.again(w, host.ParticipantID)
			w.looks()
			if w.isLive(ada) {
				t.Error("it went on by itself when the host came back")
			}
		})
	}
}

// Fault 10 of the original: a guest who leaves announces that the host is off air.
func TestGuestsComeAndGoAndChangeNothing(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.onStage("ada")
	bob := w.register("bob")
	i := w.invite(ada, bob.ID, "")
	guest, _, err := w.Join(t.Context(), "ada", i.ID, Chatter{UserID: bob.ID, Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	viewer, err := w.ViewerToken(t.Context(), "ada", Chatter{UserID: ada.ID, Name: "ada"}, "")
	if err != nil {
		t.Fatal(err)
	}
	before := w.roomHeard(realTimeEvent, "isLive")
	w.Watch(func(c Card) { t.Errorf("pages heard %+v", c) })
	w.publishes(guest.ParticipantID)
	w.leaves(guest.ParticipantID)
	w.happens(viewer.ParticipantID, realtimetypes.EventNameJoined)
	w.happens(viewer.ParticipantID, realtimetypes.EventNameLeft)
	w.handle(w.stageEvent("Participant Unpublished", viewer.ParticipantID)) // nonsense, but harmless
	if err := w.Remove(t.Context(), ada.ID, guest.ParticipantID); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		w.clock.pass(pollEvery)
		w.looks()
	}
	if !w.isLive(ada) || before != nil || w.roomHeard(realTimeEvent, "isLive") != nil {
		t.Error("the host was announced to be off")
	}
}

func TestStageEventsMayComeTwiceLateAndInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 10))
	w := newWorld(t)
	for round := range 8 {
		ada, host := w.onStage(fmt.Sprint("person-", round))
		there := round%2 == 0
		var events []Event
		for n := range 3 {
			w.clock.pass(3 * time.Second)
			w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
			events = append(events, w.stageEvent("Participant Unpublished", host.ParticipantID))
			if n < 2 || there {
				w.clock.pass(2 * time.Second)
				w.happens(host.ParticipantID, realtimetypes.EventNamePublishStarted)
				events = append(events, w.stageEvent("Participant Published", host.ParticipantID))
			}
		}
		events = append(events, events...)
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		repeated := testutil.ToFloat64(w.metrics.events.WithLabelValues("repeated"))
		w.handle(events...)
		if n := testutil.ToFloat64(w.metrics.events.WithLabelValues("repeated")) - repeated; int(n) != len(events)/2 {
			t.Errorf("round %d: %v of %d events were known", round, n, len(events))
		}
		tok, err := w.rows.StageTokenOf(t.Context(), ada.ID, host.ParticipantID)
		if err != nil || tok.Publishing != there {
			t.Errorf("round %d: publishing %v, want %v", round, tok.Publishing, there)
		}
		w.clock.pass(time.Minute)
		if err := w.endLost(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.isLive(ada) != there {
			t.Errorf("round %d: live %v, want %v", round, !there, there)
		}
	}
}

func TestAnOldEventDoesNotEndARealTimeThatGoesOn(t *testing.T) {
	w := newWorld(t)
	ada, host := w.onStage("ada")
	w.clock.pass(time.Second)
	w.happens(host.ParticipantID, realtimetypes.EventNamePublishStopped)
	old := w.stageEvent("Participant Unpublished", host.ParticipantID)
	w.clock.pass(time.Second)
	w.happens(host.ParticipantID, realtimetypes.EventNamePublishStarted) // whose event is lost
	w.clock.pass(time.Hour)
	w.handle(old)
	for range 3 {
		if err := w.endLost(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(lostFor)
	}
	if !w.isLive(ada) {
		t.Error("an event of an hour ago ended what goes on")
	}
}

func TestStageEventsThatAreNoneOfTheAppsArePassedOver(t *testing.T) {
	w := newWorld(t)
	ada, host := w.onStage("ada")
	good := w.stageEvent("Participant Unpublished", host.ParticipantID)
	for name, c := range map[string]struct {
		spoil func(e *Event)
		want  fault.Kind
	}{
		"another stage":         {func(e *Event) { e.Resources = []string{"arn:aws:ivs:us-east-1:000000000000:stage/strangerstra"} }, fault.Internal},
		"another name":          {func(e *Event) { e.Detail = edited(e.Detail, "event_name", "Token Exchanged") }, fault.Internal},
		"an unknown seat":       {func(e *Event) { e.Detail = edited(e.Detail, "participant_id", "made-by-cli") }, fault.Internal},
		"another source":        {func(e *Event) { e.Source = "x" }, fault.Internal},
		"no stage":              {func(e *Event) { e.Resources = nil }, fault.Invalid},
		"no participant":        {func(e *Event) { e.Detail = edited(e.Detail, "participant_id", "") }, fault.Invalid},
		"a detail that is none": {func(e *Event) { e.Detail = json.RawMessage(`[]`) }, fault.Invalid},
	} {
		e := good
		e.ID = name
		c.spoil(&e)
		if err := w.Handle(t.Context(), e); (err == nil) != (c.want == fault.Internal) || err != nil && fault.Of(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := w.rows.Channel(t.Context(), ada.ID)
	if err != nil || !c.RealTimeLost.IsZero() {
		t.Errorf("the host is missed: %+v, %v", c, err)
	}
	odd := good
	odd.ID, odd.Detail = "odd", edited(odd.Detail, "event_time", "yesterday") // the envelope's time will do
	w.clock.pass(time.Second)
	odd.Time = w.clock.Now()
	w.handle(odd)
	if c, err := w.rows.Channel(t.Context(), ada.ID); err != nil || !c.RealTimeLost.Equal(odd.Time) {
		t.Errorf("missed since %v, %v", c.RealTimeLost, err)
	}
}

func edited(detail json.RawMessage, member, value string) json.RawMessage {
	var m map[string]string
	if err := json.Unmarshal(detail, &m); err != nil {
		panic(err)
	}
	m[member] = value
	out, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return out
}

func TestARestartLooksAgain(t *testing.T) {
	w := newWorld(t)
	ada, host := w.onStage("ada")
	eve, _ := w.onStage("eve")
	w.happens(host.ParticipantID, realtimetypes.EventNameLeft) // while the app is down: nobody tells
	again := &world{t: t, cloud: w.cloud, clock: w.clock, App: New(w.Deps)}
	if err := again.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !again.isLive(ada) {
		t.Error("off at once: a host needs a moment after a restart, too")
	}
	again.clock.pass(lostFor)
	if err := again.endLost(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again.isLive(ada) || !again.isLive(eve) {
		t.Errorf("live in real time: ada %v, eve %v", again.isLive(ada), again.isLive(eve))
	}
}

func TestWhileTheServiceIsAwayNothingIsClaimedForLong(t *testing.T) {
	w := newWorld(t)
	ada, host := w.onStage("ada")
	w.cloud.goWrong("GetStage", mishap{lasting: true})
	w.clock.pass(time.Hour)
	if err := w.checkStages(t.Context()); err == nil || !w.isLive(ada) {
		t.Errorf("not knowing is no reason: %v", err)
	}
	w.leaves(host.ParticipantID)
	w.clock.pass(lostFor)
	if err := w.endLost(t.Context()); err == nil || !w.isLive(ada) {
		t.Errorf("an event that cannot be confirmed, after 15 s: %v", err)
	}
	w.clock.pass(blindFor - lostFor)
	if err := w.endLost(t.Context()); err != nil || w.isLive(ada) {
		t.Errorf("after a minute: %v", err)
	}
}

func TestARoomThatCannotBeToldDoesNotMakeTheTruthFalse(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.onStage("ada")
	w.cloud.goWrong("SendEvent", mishap{}, mishap{})
	if state, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil || state.IsLive || w.isLive(ada) {
		t.Fatalf("off: %+v, %v", state, err)
	}
	w.looks()
	if got := w.roomHeard(realTimeEvent, "isLive"); got != nil {
		t.Errorf("said %q", got)
	}
	w.looks()
	w.looks()
	if got := w.roomHeard(realTimeEvent, "isLive"); !slices.Equal(got, []string{"false"}) {
		t.Errorf("said %q, want one word of it", got)
	}
	w.cloud.goWrong("SendEvent", mishap{lasting: true})
	w.golive(ada)
	before := w.cloud.count("SendEvent")
	for range 2 * roomTries {
		w.looks()
	}
	if n := w.cloud.count("SendEvent") - before; n != roomTries-1 {
		t.Errorf("tried %d times more, want %d", n, roomTries-1)
	}
}

// turning is a Rooms during whose first SendEvent the truth changes and is told by somebody else.
type turning struct {
	*cloud
	turn func()
}

func (r *turning) SendEvent(ctx context.Context, in *ivschat.SendEventInput, o ...func(*ivschat.Options)) (*ivschat.SendEventOutput, error) {
	if turn := r.turn; turn != nil {
		r.turn = nil
		turn()
	}
	return r.cloud.SendEvent(ctx, in, o...)
}

func TestTheLastWordInTheRoomIsTheTruth(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.onStage("ada")
	other := New(w.Deps)
	w.Rooms = &turning{w.cloud, func() {
		w.clock.pass(time.Second)
		if _, err := other.GoRealTime(t.Context(), ada.ID, true); err != nil {
			t.Error(err)
		}
	}}
	if _, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil {
		t.Fatal(err)
	}
	if got := w.roomHeard(realTimeEvent, "isLive"); len(got) == 0 || got[len(got)-1] != "true" || !w.isLive(ada) {
		t.Errorf("said %q, live %v", got, w.isLive(ada))
	}
}

func TestViewersGetATokenOnlyWhileThereIsSomethingToSee(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.onStage("ada")
	who := Chatter{UserID: visitor, Name: "guest-0007", Guest: true}
	first, err := w.ViewerToken(t.Context(), "ada", who, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.ViewerToken(t.Context(), "ada", who, ""); err != nil || again != first {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ViewerToken(t.Context(), "ada", who, ""); code(err) != "not-real-time" {
		t.Errorf("off: %v", err)
	}
	w.looks()
	if !w.sitting(first.ParticipantID).out {
		t.Error("who does not leave by themselves hears on what is not for them any more")
	}
	w.golive(ada)
	second, err := w.ViewerToken(t.Context(), "ada", who, "")
	if err != nil || second.ParticipantID == first.ParticipantID {
		t.Errorf("live anew: %+v, %v", second, err)
	}
	if err := w.Remove(t.Context(), ada.ID, second.ParticipantID); err != nil || !w.sitting(second.ParticipantID).out {
		t.Errorf("removing a viewer: %v", err)
	}
	w.cloud.goWrong("CreateParticipantToken", mishap{late: true, answered: true, meanwhile: func() {
		if _, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil {
			t.Error(err)
		}
	}})
	if tok, err := w.ViewerToken(t.Context(), "ada", who, ""); code(err) != "not-real-time" || tok.Token != "" {
		t.Errorf("a token made while it ended: %+v, %v", tok, err)
	}
	if last := w.cloud.seated[len(w.cloud.seated)-1]; !last.out {
		t.Error("a token made while it ended works")
	}
}

// A connection outlives its token, and a viewer may ask for another token by saying that theirs was refused.
func TestViewersOfAllTokensLeaveWhenRealTimeEnds(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.onStage("ada")
	seat := func(user, refused string) string {
		t.Helper()
		tok, err := w.ViewerToken(t.Context(), "ada", Chatter{UserID: user, Guest: true}, refused)
		if err != nil {
			t.Fatal(err)
		}
		return tok.ParticipantID
	}
	long := seat("guest-0000000000000001", "")
	w.clock.pass(61 * time.Minute)
	first := seat(visitor, "")
	second := seat(visitor, first)
	if w.looks(); w.sitting(first).out { // two tabs of one browser: the other one has the first token
		t.Error("somebody is sent away because another tab of theirs was given a token of its own")
	}
	if _, err := w.GoRealTime(t.Context(), ada.ID, false); err != nil {
		t.Fatal(err)
	}
	w.looks()
	for what, participant := range map[string]string{
		"who came with a token that has ended": long, "who named theirs as refused": first, "who got another": second,
	} {
		if !w.sitting(participant).out {
			t.Errorf("%s watches on", what)
		}
	}
}

func TestManyChannelsTakeTurnsInBeingLookedAt(t *testing.T) {
	a := &App{}
	channels := make([]store.AppChannel, 3*maxChecked+7)
	for n := range channels {
		channels[n].UserID = fmt.Sprint(n)
	}
	seen := map[string]int{}
	for range 4 {
		turn := a.nextToCheck(slices.Clone(channels))
		if len(turn) != maxChecked {
			t.Fatalf("%d in one turn", len(turn))
		}
		for _, c := range turn {
			seen[c.UserID]++
		}
	}
	if len(seen) != len(channels) {
		t.Errorf("%d of %d were looked at", len(seen), len(channels))
	}
}
