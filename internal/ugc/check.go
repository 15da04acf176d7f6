package ugc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// Trial lets somebody without an account try their connection: they may send to a stage on which nobody may
// watch. Its JSON is the app's.
type Trial struct {
	Token   string `json:"token"`
	Seconds int    `json:"seconds"` // until the token's end, and that of whoever came by it
}

const (
	// tagPurpose marks the stage that all trials share.
	tagPurpose   = "purpose"
	trialPurpose = "check"

	// trialFor is how long a trial lasts at most. Pages need half a minute and leave by themselves.
	trialFor  = 2 * time.Minute
	maxTrials = 60 // that have not ended, of one process; a stage takes 12 publishers at once
)

// trials are who tries their connection.
type trials struct {
	making sync.Mutex // held while the stage is looked for or made
	mu     sync.Mutex
	stage  string // its ARN, once it is known
	places int    // trials begun and not ended
	owed   []trial
}

// trial is a participant who is disconnected when their time is over.
type trial struct {
	stage, participant string
	ends               time.Time
}

// TryConnection gives a place to try a connection from; a Throttled fault with the code "busy" says that too many do.
// The service ends a token's validity but no session by that, so the app ends those.
func (a *App) TryConnection(ctx context.Context) (Trial, error) {
	t := &a.trials
	t.mu.Lock()
	if t.places >= maxTrials {
		t.mu.Unlock()
		return Trial{}, &Coded{"busy", fault.TooFast(maxTrials, "many people check their connection right now; please try again in a minute")}
	}
	t.places++
	t.mu.Unlock()
	made, err := a.makeTrial(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.places--
		return Trial{}, err
	}
	ends := a.Now().Add(trialFor)
	t.owed = append(t.owed, trial{made.stage, aws.ToString(made.ParticipantId), ends})
	return Trial{aws.ToString(made.Token), int(trialFor.Seconds())}, nil
}

type madeTrial struct {
	stage string
	*realtimetypes.ParticipantToken
}

// makeTrial makes a token; where the stage was removed meanwhile, another stage, too.
func (a *App) makeTrial(ctx context.Context) (madeTrial, error) {
	for again := false; ; again = true {
		stage, err := a.trialStage(ctx)
		if err != nil {
			return madeTrial{}, err
		}
		call, cancel := context.WithTimeout(ctx, callTimeout)
		out, err := a.Stages.CreateParticipantToken(call, &ivsrealtime.CreateParticipantTokenInput{
			StageArn: &stage, UserId: aws.String(trialPurpose), Duration: aws.Int32(int32(trialFor / time.Minute)),
			Capabilities: []realtimetypes.ParticipantTokenCapability{realtimetypes.ParticipantTokenCapabilityPublish},
		})
		cancel()
		if err = asked("preparing the check", err); err == nil {
			return madeTrial{stage, out.ParticipantToken}, nil
		}
		if again || fault.Of(err) != fault.NotFound {
			return madeTrial{}, err
		}
		a.trials.mu.Lock()
		if a.trials.stage == stage {
			a.trials.stage = ""
		}
		a.trials.mu.Unlock()
	}
}

// trialStage gives the stage of all trials, which it finds by its tags or makes. Two processes that begin at once
// may make one each; both work, and from their next start on they share one.
func (a *App) trialStage(ctx context.Context) (string, error) {
	t := &a.trials
	t.making.Lock()
	defer t.making.Unlock()
	t.mu.Lock()
	stage := t.stage
	t.mu.Unlock()
	if stage != "" {
		return stage, nil
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stage, err := a.findTrialStage(call)
	if err != nil {
		return "", err
	}
	if stage == "" {
		out, err := a.Stages.CreateStage(call, &ivsrealtime.CreateStageInput{
			Name: aws.String(trialPurpose), Tags: map[string]string{tagProject: a.Tag, tagPurpose: trialPurpose},
		}, stageOnce)
		if err != nil {
			return "", asked("preparing the check", err)
		}
		stage = aws.ToString(out.Stage.Arn)
	} else if err := a.inherit(call, stage); err != nil {
		return "", err
	}
	t.mu.Lock()
	t.stage = stage
	t.mu.Unlock()
	return stage, nil
}

func (a *App) findTrialStage(ctx context.Context) (string, error) {
	for in := (&ivsrealtime.ListStagesInput{MaxResults: aws.Int32(100)}); ; {
		out, err := a.Stages.ListStages(ctx, in)
		if err != nil {
			return "", asked("preparing the check", err)
		}
		for _, s := range out.Stages {
			if s.Tags[tagProject] == a.Tag && s.Tags[tagPurpose] == trialPurpose {
				return aws.ToString(s.Arn), nil
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return "", nil
		}
	}
}

// inherit takes over those who are on the stage by a process that is gone, or by another one.
func (a *App) inherit(ctx context.Context, stage string) error {
	out, err := a.Stages.GetStage(ctx, &ivsrealtime.GetStageInput{Arn: &stage})
	if err != nil {
		return asked("preparing the check", err)
	}
	session := aws.ToString(out.Stage.ActiveSessionId)
	if session == "" {
		return nil
	}
	in := &ivsrealtime.ListParticipantsInput{
		StageArn: &stage, SessionId: &session, FilterByState: realtimetypes.ParticipantStateConnected, MaxResults: aws.Int32(100),
	}
	for range maxListPages {
		page, err := a.Stages.ListParticipants(ctx, in)
		if err != nil {
			return asked("preparing the check", err)
		}
		a.trials.mu.Lock()
		for _, p := range page.Participants {
			a.trials.places++
			a.trials.owed = append(a.trials.owed, trial{stage, aws.ToString(p.ParticipantId), aws.ToTime(p.FirstJoinTime).Add(trialFor)})
		}
		a.trials.mu.Unlock()
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	return nil
}

// endTrials disconnects everybody whose trial is over. What fails is tried again the next time.
func (a *App) endTrials(ctx context.Context) error {
	t := &a.trials
	now := a.Now()
	var due []trial
	t.mu.Lock()
	t.owed = slices.DeleteFunc(t.owed, func(one trial) bool {
		over := !now.Before(one.ends)
		if over {
			due = append(due, one)
		}
		return over
	})
	t.mu.Unlock()
	var failed []error
	for _, one := range due {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		_, err := a.Stages.DisconnectParticipant(call, &ivsrealtime.DisconnectParticipantInput{
			StageArn: &one.stage, ParticipantId: &one.participant, Reason: aws.String("the check is over"),
		})
		cancel()
		err = gone("ending a check", err)
		t.mu.Lock()
		if err != nil {
			t.owed = append(t.owed, one)
			failed = append(failed, err)
		} else {
			t.places--
		}
		t.mu.Unlock()
	}
	return errors.Join(failed...)
}
