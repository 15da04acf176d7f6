package ugc

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// RealTime says whether a channel is live in real time. Its JSON is the app's.
type RealTime struct {
	IsLive bool       `json:"isLive"`
	Since  *time.Time `json:"since"` // null while it is not
}

func realTimeOf(c store.AppChannel) RealTime {
	if c.RealTimeSince.IsZero() {
		return RealTime{}
	}
	return RealTime{true, &c.RealTimeSince}
}

const (
	// lostFor is how long a host may be missed on the stage: a page that is loaded again needs less.
	lostFor = 15 * time.Second
	// blindFor is how long a host may be missed while the service cannot say whether they are.
	blindFor = time.Minute
	// hostPatience is how long going live waits for the service to see the host.
	hostPatience = 5 * time.Second
	hostLook     = 300 * time.Millisecond

	lostEvery     = time.Second // between looks for hosts who are missed for too long
	maxChecked    = 20          // channels whose hosts one pass asks the service for
	maxEventPages = 10          // of 100 events of one participant

	realTimeEvent = "StreamCat:RealTimeUpdate"
	roomTries     = 5
	roomPatience  = 3 * time.Second
)

// GoRealTime turns a person's own channel live in real time or off, and tells viewers. On needs the person
// publishing on their stage, for which it waits a few seconds; otherwise it is a Conflict with the code
// "not-on-stage". Off is at once; viewers who do not leave by themselves are disconnected soon after.
func (a *App) GoRealTime(ctx context.Context, userID string, on bool) (RealTime, error) {
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return RealTime{}, err
	}
	changed := false
	if on {
		if c.RealTimeSince.IsZero() {
			if err := a.awaitHost(ctx, c); err != nil {
				return RealTime{}, err
			}
		}
		ctx = context.WithoutCancel(ctx)
		changed, err = a.rows.StartRealTime(ctx, userID, a.Now().UTC().Truncate(time.Microsecond), roomTries)
	} else {
		ctx = context.WithoutCancel(ctx)
		changed, err = a.rows.StopRealTime(ctx, userID, roomTries)
	}
	if err != nil {
		return RealTime{}, err
	}
	if c, err = a.rows.Channel(ctx, userID); err != nil {
		return RealTime{}, err
	}
	if changed {
		a.Log.InfoContext(ctx, "real time was switched", "username", c.Username, "live", on)
		a.announce(ctx, c)
	}
	return realTimeOf(c), nil
}

// awaitHost waits until the service sees the person of a channel publish on their stage.
func (a *App) awaitHost(ctx context.Context, c store.AppChannel) error {
	ctx, cancel := context.WithTimeout(ctx, hostPatience)
	defer cancel()
	for answered := false; ; {
		there, err := a.hostPublishes(ctx, c)
		if there {
			return nil
		}
		answered = answered || err == nil
		if pause(ctx, hostLook) == nil {
			continue
		}
		if !answered {
			return err
		}
		return &Coded{"not-on-stage", fault.InConflict("you are not on the stage yet: start your camera or microphone there first")}
	}
}

// hostPublishes asks the service whether the person of a channel publishes on their stage now. Where it
// cannot say, what events told decides, and the error comes along.
func (a *App) hostPublishes(ctx context.Context, c store.AppChannel) (bool, error) {
	there, err := a.askForHost(ctx, c)
	if err == nil {
		return there, nil
	}
	heard, e := a.rows.Publishing(context.WithoutCancel(ctx), c.UserID, store.AppHost, a.Now())
	return e == nil && len(heard) > 0, errors.Join(err, e)
}

func (a *App) askForHost(ctx context.Context, c store.AppChannel) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stage, err := a.Stages.GetStage(ctx, &ivsrealtime.GetStageInput{Arn: &c.StageARN})
	if err != nil {
		return false, asked("looking at the stage", err)
	}
	session := aws.ToString(stage.Stage.ActiveSessionId)
	if session == "" {
		return false, nil
	}
	in := &ivsrealtime.ListParticipantsInput{
		StageArn: &c.StageARN, SessionId: &session, FilterByUserId: &c.UserID, MaxResults: aws.Int32(100),
	}
	for range maxListPages {
		page, err := a.Stages.ListParticipants(ctx, in)
		if err != nil {
			return false, asked("looking at the stage", err)
		}
		for _, p := range page.Participants {
			if p.State != realtimetypes.ParticipantStateConnected || !p.Published { // ever, in this session
				continue
			}
			if there, err := a.publishesNow(ctx, c, session, aws.ToString(p.ParticipantId)); there || err != nil {
				return there, err
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	return false, nil
}

// publishesNow tells by a participant's events whether they publish: what the service lists of participants
// says only whether they ever did. The newest come first, but that is
// promised nowhere. Where there are more events than it reads, what the app was told decides.
func (a *App) publishesNow(ctx context.Context, c store.AppChannel, session, participant string) (bool, error) {
	in := &ivsrealtime.ListParticipantEventsInput{
		StageArn: &c.StageARN, SessionId: &session, ParticipantId: &participant, MaxResults: aws.Int32(100),
	}
	var last time.Time
	publishes := true // they did, and are connected
	for range maxEventPages {
		page, err := a.Stages.ListParticipantEvents(ctx, in)
		if err != nil {
			return false, asked("looking at the stage", err)
		}
		for _, e := range page.Events {
			at := aws.ToTime(e.EventTime)
			switch {
			case !at.After(last): // of two at the same time the newer one came first
			case e.Name == realtimetypes.EventNamePublishStarted:
				publishes, last = true, at
			case e.Name == realtimetypes.EventNamePublishStopped:
				publishes, last = false, at
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return publishes, nil
		}
	}
	t, err := a.rows.StageTokenOf(ctx, c.UserID, participant)
	if fault.Of(err) == fault.NotFound { // came with a token that is none of the app's
		return publishes, nil
	}
	return t.Publishing, err
}

// stageChanges says what an event tells of a participant: whether they publish from then on.
var stageChanges = map[string]bool{"Participant Published": true, "Participant Unpublished": false}

func (a *App) handleStage(ctx context.Context, e Event) (outcome string, err error) {
	var detail struct {
		Name          string `json:"event_name"`
		ParticipantID string `json:"participant_id"`
		At            any    `json:"event_time"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return "", fault.InvalidInput("the event's detail cannot be read").Because(err)
	}
	publishes, ok := stageChanges[detail.Name]
	if !ok {
		return "ignored", nil
	}
	if len(e.Resources) == 0 || detail.ParticipantID == "" || len(detail.ParticipantID) > 128 {
		return "", fault.InvalidInput("the event names no participant")
	}
	at := e.Time // to the second; the detail may be finer
	if text, ok := detail.At.(string); ok {
		if fine, err := time.Parse(time.RFC3339Nano, text); err == nil {
			at = fine
		}
	}
	outcome = "applied"
	err = a.rows.Tx(ctx, func(ctx context.Context) error {
		c, err := a.rows.ChannelByStage(ctx, e.Resources[0])
		if fault.Of(err) == fault.NotFound {
			outcome = "ignored"
			return nil
		}
		if err != nil {
			return err
		}
		first, err := a.rows.Once(ctx, "app-event", e.ID, a.Now().Add(eventMemory))
		if err != nil {
			return err
		}
		if !first {
			outcome = "repeated"
			return nil
		}
		t, err := a.rows.HearParticipant(ctx, c.UserID, detail.ParticipantID, publishes, at)
		if fault.Of(err) == fault.NotFound { // came with a token that is none of the app's
			outcome = "ignored"
			return nil
		}
		if err != nil || t.Role != store.AppHost {
			return err
		}
		return a.followHost(ctx, c, at)
	})
	return outcome, err
}

// followHost brings a channel in step with what events told of its host, the last of them at the given time.
func (a *App) followHost(ctx context.Context, c store.AppChannel, at time.Time) error {
	there, err := a.rows.Publishing(ctx, c.UserID, store.AppHost, a.Now())
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return a.rows.FindHost(ctx, c.UserID)
	}
	// Clocks differ, and an event that comes late is no reason not to ask.
	now := a.Now()
	if at.After(now) {
		at = now
	} else if due := now.Add(-lostFor); at.Before(due) {
		at = due
	}
	return a.rows.MissHost(ctx, c.UserID, at)
}

// watchStages keeps what the app says of stages true, until ctx ends.
func (a *App) watchStages(ctx context.Context) {
	check, lost := time.NewTicker(pollEvery), time.NewTicker(lostEvery)
	defer check.Stop()
	defer lost.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-check.C:
			err = a.checkStages(ctx)
		case <-lost.C:
			err = a.endLost(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "the web app could not look after its stages; it tries again", "err", err)
		}
	}
}

// checkStages makes good for events that were lost, ends what is not true any more, and does what is owed:
// participants who must go, rooms that are to be told.
func (a *App) checkStages(ctx context.Context) error {
	channels, err := a.rows.RealTimeChannels(ctx, maxPolled)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range a.nextToCheck(channels) {
		switch there, err := a.askForHost(ctx, c); {
		case err != nil:
			failed = append(failed, err)
		case there:
			failed = append(failed, a.rows.FindHost(ctx, c.UserID))
		default:
			failed = append(failed, a.rows.MissHost(ctx, c.UserID, a.Now()))
		}
	}
	failed = append(failed, a.endLost(ctx), a.dismiss(ctx, store.AppChannel{}, ""), a.endTrials(ctx))
	untold, err := a.rows.UntoldRooms(ctx, maxChecked)
	failed = append(failed, err)
	for _, c := range untold {
		a.tellRoom(ctx, c)
	}
	return errors.Join(failed...)
}

// nextToCheck gives the channels whose turn it is to be asked for: all take turns, and no pass asks more of
// the service than it may. Those whose hosts are missed are asked for by endLost, too.
func (a *App) nextToCheck(channels []store.AppChannel) []store.AppChannel {
	if len(channels) <= maxChecked {
		return channels
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	start := a.checked % len(channels)
	a.checked = start + maxChecked
	return append(channels[start:], channels[:start]...)[:maxChecked]
}

// endLost turns off what is live in real time without its host for too long.
func (a *App) endLost(ctx context.Context) error {
	lost, err := a.rows.LostChannels(ctx, a.Now().Add(-lostFor), maxChecked)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range lost {
		there, err := a.askForHost(ctx, c)
		if err != nil && a.Now().Sub(c.RealTimeLost) < blindFor {
			failed = append(failed, err)
			continue
		}
		if there {
			failed = append(failed, a.rows.FindHost(ctx, c.UserID))
			continue
		}
		ended, err := a.rows.StopLost(ctx, c, roomTries)
		if err != nil || !ended {
			failed = append(failed, err)
			continue
		}
		a.Log.InfoContext(ctx, "a host left the stage; real time is off", "username", c.Username)
		if c, err = a.rows.Channel(ctx, c.UserID); err != nil {
			failed = append(failed, err)
			continue
		}
		a.announce(ctx, c)
	}
	return errors.Join(failed...)
}

// announce tells everybody that a channel went live in real time, or off: pages first, then the room.
func (a *App) announce(ctx context.Context, c store.AppChannel) {
	a.show(ctx, c.UserID)
	a.tellRoom(ctx, c)
}

// tellRoom tells a channel's room whether it is live in real time. If that does not work it is tried again
// later; if the truth changed while the room was told, the room is told once more.
func (a *App) tellRoom(ctx context.Context, c store.AppChannel) {
	for c.RoomOwed > 0 {
		live := "false"
		if !c.RealTimeSince.IsZero() {
			live = "true"
		}
		call, cancel := context.WithTimeout(ctx, roomPatience)
		err := a.sendEvent(call, c, realTimeEvent, map[string]string{"isLive": live, "channel": c.Username})
		cancel()
		if err != nil {
			a.Log.WarnContext(ctx, "a chat room could not be told about real time", "username", c.Username, "live", live, "tries left", c.RoomOwed-1, "err", err)
		}
		now, e := a.rows.RoomTold(ctx, c, err == nil)
		if e != nil {
			a.Log.WarnContext(ctx, "it could not be noted that a chat room was told", "username", c.Username, "err", e)
			return
		}
		if now.RealTimeSince.Equal(c.RealTimeSince) {
			return
		}
		c = now
		c.RoomOwed = max(c.RoomOwed, 1) // another told it, but perhaps before this one's older word arrived
	}
}

// sendEvent sends an event into a channel's own room, and into no other.
func (a *App) sendEvent(ctx context.Context, c store.AppChannel, name string, attributes map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := a.Rooms.SendEvent(ctx, &ivschat.SendEventInput{RoomIdentifier: &c.RoomARN, EventName: &name, Attributes: attributes})
	outcome := "sent"
	if err != nil {
		outcome = "failed"
	}
	a.metrics.roomNews.WithLabelValues(name, outcome).Inc()
	return asked("telling the chat room", err)
}
