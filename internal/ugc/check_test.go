package ugc

import (
	"testing"
	"time"

	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/fault"
)

func (w *world) try() Trial {
	w.t.Helper()
	trial, err := w.TryConnection(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return trial
}

func TestTrialsShareAStageOnWhichNobodyMayWatch(t *testing.T) {
	w := newWorld(t)
	w.register("ada") // has a stage, too
	one, two := w.try(), w.try()
	if one.Seconds != 120 || one.Token == two.Token {
		t.Errorf("%+v and %+v", one, two)
	}
	first, second := w.cloud.seated[0], w.cloud.seated[1]
	if first.stage != second.stage || first.capabilities != 1 || first.user != "check" || len(first.attributes) != 0 {
		t.Errorf("%+v and %+v", first, second)
	}
	if made := w.cloud.things[first.stage]; made.name != "check" || made.tags["purpose"] != "check" || made.tags["project"] != w.Tag || made.tags["user"] != "" {
		t.Errorf("the stage is %+v", made)
	}
	if stages := w.cloud.of("stage", ""); len(stages) != 2 {
		t.Errorf("there are stages %v", stages)
	}

	again := New(w.Deps) // the next start finds it
	if _, err := again.TryConnection(t.Context()); err != nil || len(w.cloud.of("stage", "")) != 2 || w.cloud.seated[2].stage != first.stage {
		t.Errorf("%v: stages %v", err, w.cloud.of("stage", ""))
	}
	if err := w.dropStage(t.Context(), first.stage); err != nil {
		t.Fatal(err)
	}
	w.try()
	if last := w.cloud.seated[3]; last.stage == first.stage || len(w.cloud.of("stage", "")) != 2 {
		t.Errorf("after the stage was removed: %+v of %v", last, w.cloud.of("stage", ""))
	}
}

func TestATrialIsEndedWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t)
	w.try()
	w.clock.pass(time.Minute)
	w.try()
	one, two := w.cloud.seated[0], w.cloud.seated[1]
	w.happens(one.id, realtimetypes.EventNameJoined)
	w.happens(two.id, realtimetypes.EventNameJoined)
	for _, c := range []struct {
		pass          time.Duration
		mishap        []mishap
		first, second bool // are over
	}{
		{time.Minute - time.Millisecond, nil, false, false},
		{time.Millisecond, []mishap{{}}, false, false}, // the call is lost
		{0, nil, true, false},
		{time.Minute, nil, true, true},
	} {
		w.clock.pass(c.pass)
		w.cloud.goWrong("DisconnectParticipant", c.mishap...)
		if err := w.endTrials(t.Context()); (err != nil) != (c.mishap != nil) {
			t.Errorf("%v later: %v", c.pass, err)
		}
		if one.out != c.first || two.out != c.second {
			t.Errorf("%v later the first is out: %v, the second: %v", c.pass, one.out, two.out)
		}
	}
	if n := w.cloud.count("DisconnectParticipant"); n != 3 {
		t.Errorf("%d calls to disconnect", n)
	}
}

func TestATrialOutlivesNoProcess(t *testing.T) {
	w := newWorld(t)
	w.try()
	left := w.cloud.seated[0]
	w.happens(left.id, realtimetypes.EventNamePublishStarted)
	next := New(w.Deps)
	if _, err := next.TryConnection(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(trialFor - time.Millisecond)
	if err := next.endTrials(t.Context()); err != nil || left.out {
		t.Errorf("it was ended before its time: %v", err)
	}
	w.clock.pass(time.Millisecond)
	if err := next.endTrials(t.Context()); err != nil || !left.out {
		t.Errorf("it goes on: %v", err)
	}
}

func TestNotManyTrialsRunAtOnce(t *testing.T) {
	w := newWorld(t)
	for range maxTrials {
		w.try()
	}
	if _, err := w.TryConnection(t.Context()); fault.Of(err) != fault.Throttled {
		t.Errorf("err = %v, want throttled", err)
	}
	w.clock.pass(trialFor)
	if err := w.endTrials(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.cloud.goWrong("CreateParticipantToken", mishap{lasting: true})
	for range maxTrials + 1 { // what comes to nothing takes no place
		if _, err := w.TryConnection(t.Context()); fault.Of(err) != fault.Unavailable {
			t.Fatalf("err = %v, want unavailable", err)
		}
	}
	w.cloud.goWrong("CreateParticipantToken")
	w.try()
}
