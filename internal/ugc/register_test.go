package ugc

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"

	"github.com/streamcat/streamcat/internal/fault"
)

var whole = []string{"channel", "room", "stage", "stream-key"}

func TestRegisteredPersonHasAllThreeNamedAndTagged(t *testing.T) {
	w := newWorld(t)
	u := w.register("Ada_Lovelace-1")
	if got := w.cloud.left(); !slices.Equal(got, whole) {
		t.Fatalf("resources = %v, want %v", got, whole)
	}
	for arn, thing := range w.cloud.things {
		if thing.kind == "stream-key" {
			continue
		}
		if thing.name != "Ada_Lovelace-1" || thing.tags["project"] != "streamcat" || thing.tags["user"] != u.ID {
			t.Errorf("%s is named %q, tagged %v", arn, thing.name, thing.tags)
		}
	}
	if _, err := w.SignIn(t.Context(), "ada_lovelace-1", "correct horse"); err != nil {
		t.Errorf("sign in with other capitals: %v", err)
	}
	if _, err := w.SignIn(t.Context(), "ada_lovelace-1", "wrong horse"); fault.Of(err) != fault.Denied {
		t.Errorf("sign in with a wrong password: %v, want denied", err)
	}
	if _, err := w.SignIn(t.Context(), "nobody", "correct horse"); fault.Of(err) != fault.Denied {
		t.Errorf("sign in as nobody: %v, want denied", err)
	}
}

func TestNamesAndPasswordsThatDoNotFitAreRefused(t *testing.T) {
	w := newWorld(t)
	w.register("Grace")
	for _, c := range []struct {
		name, username, password string
		want                     fault.Kind
		field                    string
	}{
		{"two characters", "ab", "correct horse", fault.Invalid, "username"},
		{"33 characters", strings.Repeat("a", 33), "correct horse", fault.Invalid, "username"},
		{"a space", "ada lovelace", "correct horse", fault.Invalid, "username"},
		{"a letter that IVS refuses", "häkkinen", "correct horse", fault.Invalid, "username"},
		{"a dot", "ada.l", "correct horse", fault.Invalid, "username"},
		{"a line feed at the end", "adaaa\n", "correct horse", fault.Invalid, "username"},
		{"empty", "", "correct horse", fault.Invalid, "username"},
		{"a reserved name", "Admin", "correct horse", fault.Invalid, "username"},
		{"a guest's name", "guest-0001", "correct horse", fault.Invalid, "username"},
		{"a short password", "adalovelace", "seven77", fault.Invalid, "password"},
		{"an endless password", "adalovelace", strings.Repeat("a", 257), fault.Invalid, "password"},
		{"a taken name", "Grace", "correct horse", fault.Conflict, "username"},
		{"a taken name in other capitals", "gRACE", "another password", fault.Conflict, "username"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.Register(t.Context(), c.username, c.password)
			f := fault.As(err)
			if f == nil || f.Kind != c.want {
				t.Fatalf("err = %v, want %v", err, c.want)
			}
			if len(f.Fields) != 1 || f.Fields[0].Name != c.field {
				t.Errorf("fields = %v, want one for %s", f.Fields, c.field)
			}
		})
	}
	if got := w.cloud.left(); !slices.Equal(got, whole) {
		t.Errorf("resources = %v, want those of one person", got)
	}
}

// steps are the calls that make a person, in order.
var steps = []string{"CreateChannel", "CreateRoom", "CreateStage"}

func TestRegistrationSurvivesOneFailedCall(t *testing.T) {
	for _, step := range steps {
		for name, m := range map[string]mishap{
			"the call fails":            {},
			"its answer is lost":        {late: true},
			"the service is throttling": {err: &ivstypes.ThrottlingException{ExceptionMessage: aws.String("slow down")}},
			"the service errs":          {err: &chattypes.InternalServerException{Message: aws.String("oops")}},
		} {
			t.Run(step+": "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.cloud.goWrong(step, m)
				w.register("ada")
				if got := w.cloud.left(); !slices.Equal(got, whole) {
					t.Errorf("resources = %v, want each once", got)
				}
			})
		}
	}
}

func TestFailedRegistrationLeavesNothing(t *testing.T) {
	for _, step := range steps {
		for name, m := range map[string]mishap{
			"the call always fails":     {lasting: true},
			"the service is full":       {err: &ivstypes.ServiceQuotaExceededException{ExceptionMessage: aws.String("full")}},
			"the service refuses":       {err: &ivstypes.ValidationException{ExceptionMessage: aws.String("no")}},
			"credentials are not valid": {err: &ivstypes.AccessDeniedException{ExceptionMessage: aws.String("no")}, lasting: true},
		} {
			t.Run(step+": "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.cloud.goWrong(step, m)
				if _, err := w.Register(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
					t.Fatalf("err = %v, want unavailable", err)
				}
				if got := w.cloud.left(); len(got) != 0 {
					t.Errorf("resources = %v, want none", got)
				}
				if _, err := w.SignIn(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Denied {
					t.Errorf("sign in: %v, want denied", err)
				}
				w.cloud.goWrong(step)
				if _, err := w.Register(t.Context(), "ada", "another horse"); err != nil {
					t.Errorf("the name is not free again: %v", err)
				}
			})
		}
	}
}

func TestRepairRemovesWhatAFailedRegistrationCouldNot(t *testing.T) {
	for _, c := range []struct{ step, cleanup string }{
		{"CreateRoom", "DeleteChannel"},
		{"CreateStage", "DeleteChannel"},
		{"CreateStage", "DeleteRoom"},
		{"CreateStage", "ListStages"},
	} {
		t.Run(c.step+" then "+c.cleanup, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cloud.goWrong(c.step, mishap{err: &ivstypes.AccessDeniedException{}, lasting: true})
			w.cloud.goWrong(c.cleanup, mishap{lasting: true})
			if _, err := w.Register(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
				t.Fatalf("err = %v, want unavailable", err)
			}
			if len(w.cloud.left()) == 0 {
				t.Fatal("nothing is left to repair")
			}
			if err := w.Repair(t.Context()); err == nil {
				t.Error("repair says nothing while the service fails")
			}
			if _, err := w.Register(t.Context(), "ada", "correct horse"); fault.Of(err) == fault.Conflict {
				t.Errorf("the name counts as taken by nobody: %v", err)
			}
			w.cloud.goWrong(c.cleanup)
			if err := w.Repair(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.cloud.left(); len(got) != 0 {
				t.Errorf("resources = %v, want none", got)
			}
			w.cloud.goWrong(c.step)
			w.register("ada")
		})
	}
}

// dies runs f, which kills the app at a call.
func dies(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if r := recover(); r != (crashed{}) {
			t.Fatalf("recovered %v, want the crash", r)
		}
	}()
	f()
	t.Fatal("the app lives")
}

func TestRepairCompletesWhomACrashLeftHalfMade(t *testing.T) {
	for _, step := range steps {
		for name, late := range map[string]bool{"before the call": false, "after the call": true} {
			t.Run(step+": "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.register("another")
				w.cloud.goWrong(step, mishap{crash: true, late: late})
				dies(t, func() { w.Register(t.Context(), "ada", "correct horse") })

				if _, err := w.SignIn(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
					t.Errorf("sign in while half-made: %v, want unavailable", err)
				}
				if _, err := w.Profile(t.Context(), "ada"); fault.Of(err) != fault.NotFound {
					t.Errorf("profile while half-made: %v, want not found", err)
				}
				if err := w.Repair(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := w.SignIn(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
					t.Errorf("repair did not wait for the claim to run out: %v", err)
				}
				w.clock.pass(claimFor)
				if err := w.Repair(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := w.SignIn(t.Context(), "ada", "correct horse"); err != nil {
					t.Errorf("sign in after repair: %v", err)
				}
				for _, kind := range whole {
					if got := len(w.cloud.of(kind, "")); got != 2 {
						t.Errorf("%d × %s, want 2", got, kind)
					}
				}
			})
		}
	}
}

func TestRegistrationCutOffByACrashIsResumedByItsPerson(t *testing.T) {
	w := newWorld(t)
	w.cloud.goWrong("CreateRoom", mishap{crash: true, late: true})
	dies(t, func() { w.Register(t.Context(), "ada", "correct horse") })

	if _, err := w.Register(t.Context(), "ada", "somebody else"); fault.Of(err) != fault.Conflict {
		t.Errorf("somebody else: %v, want conflict", err)
	}
	if _, err := w.Register(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
		t.Errorf("while claimed: %v, want unavailable", err)
	}
	w.clock.pass(claimFor)
	w.register("ada")
	if got := w.cloud.left(); !slices.Equal(got, whole) {
		t.Errorf("resources = %v, want each once", got)
	}
}

func TestRegistrationThatAnotherWorkerFinishesIsMade(t *testing.T) {
	for name, m := range map[string]mishap{
		"the answer comes late": {late: true},
		"the call fails":        {err: &ivstypes.AccessDeniedException{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			other := New(w.Deps)
			m.meanwhile = func() {
				w.clock.pass(claimFor)
				if err := other.Repair(t.Context()); err != nil {
					t.Error(err)
				}
			}
			w.cloud.goWrong("CreateStage", m)
			w.register("ada")
			if _, err := w.SignIn(t.Context(), "ada", "correct horse"); err != nil {
				t.Error(err)
			}
			if got := w.cloud.left(); !slices.Equal(got, whole) {
				t.Errorf("resources = %v, want each once", got)
			}
		})
	}
}

func TestOneNameRegisteredByManyAtOnceIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { _, errs[i] = w.Register(t.Context(), "ada", "password of "+string(rune('a'+i))) })
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if fault.Of(err) != fault.Conflict {
			t.Errorf("err = %v, want conflict", err)
		}
	}
	if made != 1 {
		t.Errorf("made %d times, want once", made)
	}
	if got := w.cloud.left(); !slices.Equal(got, whole) {
		t.Errorf("resources = %v, want each once", got)
	}
}

func TestAppIsNotReadyUntilTheServicesAnswer(t *testing.T) {
	w := newWorld(t)
	w.ready.Store(false)
	w.cloud.goWrong("ListStages", mishap{})
	if err := w.EnsureShared(t.Context()); fault.Of(err) != fault.Unavailable {
		t.Fatalf("err = %v, want unavailable", err)
	}
	if _, err := w.Register(t.Context(), "ada", "correct horse"); fault.Of(err) != fault.Unavailable {
		t.Errorf("register: %v, want unavailable", err)
	}
	if err := w.EnsureShared(t.Context()); err != nil || !w.Ready() {
		t.Errorf("err = %v, ready = %v", err, w.Ready())
	}
}

func TestServicesAreReadByTheirOwnWords(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
		log  string
	}{
		{"ivs", &ivstypes.ConflictException{ExceptionMessage: aws.String("the channel is live")}, fault.Conflict, "the channel is live"},
		{"ivschat", &chattypes.ConflictException{Message: aws.String("the room is busy")}, fault.Conflict, "the room is busy"},
		{"no words", &ivstypes.PendingVerification{}, fault.Unavailable, "no reason given"},
		{"offline", &ivstypes.ChannelNotBroadcasting{}, fault.NotLive, "ChannelNotBroadcasting"},
		{"network", errors.New("refused"), fault.Unavailable, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := asked("doing it", c.err)
			if fault.Of(err) != c.want || !strings.Contains(err.Error(), c.log) {
				t.Errorf("err = %v (%v), want %v with %q", err, fault.Of(err), c.want, c.log)
			}
			if !errors.Is(err, c.err) {
				t.Error("the cause is lost")
			}
		})
	}
}
