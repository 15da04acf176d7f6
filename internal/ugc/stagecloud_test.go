package ugc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// seated is a participant of a stage, as the service knows them.
type seated struct {
	id, stage, user string
	attributes      map[string]string
	capabilities    int
	connected, ever bool
	events          []realtimetypes.Event
	out             bool // disconnected: the token is not taken any more
}

// said is an event that was sent into a room.
type said struct {
	room, name string
	attributes map[string]string
}

func (c *cloud) SendEvent(_ context.Context, in *ivschat.SendEventInput, _ ...func(*ivschat.Options)) (*ivschat.SendEventOutput, error) {
	return &ivschat.SendEventOutput{}, c.call("SendEvent", func() error {
		c.said = append(c.said, said{*in.RoomIdentifier, *in.EventName, maps.Clone(in.Attributes)})
		return nil
	})
}

func (c *cloud) GetStage(_ context.Context, in *ivsrealtime.GetStageInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.GetStageOutput, error) {
	out := &ivsrealtime.GetStageOutput{}
	return out, c.call("GetStage", func() error {
		if _, ok := c.things[*in.Arn]; !ok {
			return &realtimetypes.ResourceNotFoundException{ExceptionMessage: aws.String("gone")}
		}
		out.Stage = &realtimetypes.Stage{Arn: in.Arn}
		for _, p := range c.seated {
			if p.stage == *in.Arn && p.connected {
				out.Stage.ActiveSessionId = aws.String("st-" + *in.Arn)
			}
		}
		return nil
	})
}

func (c *cloud) CreateParticipantToken(_ context.Context, in *ivsrealtime.CreateParticipantTokenInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.CreateParticipantTokenOutput, error) {
	out := &ivsrealtime.CreateParticipantTokenOutput{}
	return out, c.call("CreateParticipantToken", func() error {
		if _, ok := c.things[*in.StageArn]; !ok {
			return &realtimetypes.ResourceNotFoundException{ExceptionMessage: aws.String("gone")}
		}
		c.made++
		p := &seated{
			id: fmt.Sprintf("participant-%d", c.made), stage: *in.StageArn, user: aws.ToString(in.UserId),
			attributes: maps.Clone(in.Attributes), capabilities: len(in.Capabilities),
		}
		c.seated = append(c.seated, p)
		ends := c.now().Add(time.Duration(*in.Duration) * time.Minute).Truncate(time.Second)
		out.ParticipantToken = &realtimetypes.ParticipantToken{
			ParticipantId: &p.id, Token: aws.String("token of " + p.id), ExpirationTime: &ends, UserId: in.UserId, Attributes: in.Attributes,
		}
		return nil
	})
}

func (c *cloud) DisconnectParticipant(_ context.Context, in *ivsrealtime.DisconnectParticipantInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.DisconnectParticipantOutput, error) {
	return &ivsrealtime.DisconnectParticipantOutput{}, c.call("DisconnectParticipant", func() error {
		for _, p := range c.seated {
			if p.id == *in.ParticipantId && p.stage == *in.StageArn {
				p.connected, p.out = false, true
				return nil
			}
		}
		return &realtimetypes.ResourceNotFoundException{ExceptionMessage: aws.String("gone")}
	})
}

// ListParticipants gives one participant per page.
func (c *cloud) ListParticipants(_ context.Context, in *ivsrealtime.ListParticipantsInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.ListParticipantsOutput, error) {
	out := &ivsrealtime.ListParticipantsOutput{}
	return out, c.call("ListParticipants", func() error {
		if in.FilterByUserId != nil && (in.FilterByPublished || in.FilterByState != "") {
			return &realtimetypes.ValidationException{ExceptionMessage: aws.String("one filter at most")}
		}
		for _, p := range c.seated {
			if p.stage != strings.TrimPrefix(*in.SessionId, "st-") || p.stage != *in.StageArn || in.FilterByUserId != nil && p.user != *in.FilterByUserId ||
				len(p.events) == 0 || in.FilterByState == realtimetypes.ParticipantStateConnected && !p.connected || in.NextToken != nil && p.id <= *in.NextToken {
				continue
			}
			if len(out.Participants) == 1 {
				out.NextToken = out.Participants[0].ParticipantId
				break
			}
			state := realtimetypes.ParticipantStateDisconnected
			if p.connected {
				state = realtimetypes.ParticipantStateConnected
			}
			out.Participants = append(out.Participants, realtimetypes.ParticipantSummary{
				ParticipantId: aws.String(p.id), UserId: aws.String(p.user), State: state, Published: p.ever,
				FirstJoinTime: p.events[0].EventTime,
			})
		}
		return nil
	})
}

func (c *cloud) ListParticipantEvents(_ context.Context, in *ivsrealtime.ListParticipantEventsInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.ListParticipantEventsOutput, error) {
	out := &ivsrealtime.ListParticipantEventsOutput{}
	return out, c.call("ListParticipantEvents", func() error {
		for _, p := range c.seated {
			if p.id == *in.ParticipantId {
				from, _ := strconv.Atoi(aws.ToString(in.NextToken))
				to := min(from+int(*in.MaxResults), len(p.events))
				if out.Events = p.events[from:to]; to < len(p.events) {
					out.NextToken = aws.String(strconv.Itoa(to))
				}
			}
		}
		return nil
	})
}

// plainSealer is a keyring that anybody could open.
type plainSealer struct{}

func (plainSealer) Seal(plain []byte, context string) ([]byte, error) {
	return []byte("sealed|" + context + "|" + string(plain)), nil
}

func (plainSealer) Open(sealed []byte, context string) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), "sealed|"+context+"|")
	if !ok {
		return nil, errors.New("does not open")
	}
	return []byte(plain), nil
}

// sitting finds a participant.
func (w *world) sitting(participant string) *seated {
	w.t.Helper()
	for _, p := range w.cloud.seated {
		if p.id == participant {
			return p
		}
	}
	w.t.Fatalf("there is no participant %s", participant)
	return nil
}

// happens has something happen to a participant, now. No event tells the app of it.
func (w *world) happens(participant string, what realtimetypes.EventName) {
	w.t.Helper()
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	p, at := w.sitting(participant), w.clock.Now()
	switch what {
	case realtimetypes.EventNamePublishStarted:
		p.connected, p.ever = true, true
	case realtimetypes.EventNameJoined:
		p.connected = true
	case realtimetypes.EventNameLeft:
		p.connected = false
	}
	p.events = append(p.events, realtimetypes.Event{Name: what, EventTime: &at, ParticipantId: &p.id})
}

var stageEvents int

// stageEvent is the event of a participant, now.
func (w *world) stageEvent(name, participant string) Event {
	w.t.Helper()
	w.cloud.mu.Lock()
	p := w.sitting(participant)
	w.cloud.mu.Unlock()
	detail, err := json.Marshal(map[string]string{
		"session_id": "st-x", "event_name": name, "event_time": w.clock.Now().Format(time.RFC3339Nano), "user_id": p.user, "participant_id": p.id,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	stageEvents++
	return Event{
		ID: fmt.Sprint("stage event ", stageEvents), DetailType: "IVS Stage Update", Source: "aws.ivs",
		Time: w.clock.Now().Truncate(time.Second), Resources: []string{p.stage}, Detail: detail,
	}
}

// publishes has a participant publish, and tells the app.
func (w *world) publishes(participant string) {
	w.t.Helper()
	w.happens(participant, realtimetypes.EventNamePublishStarted)
	w.handle(w.stageEvent("Participant Published", participant))
}

// leaves has a participant leave the stage, and tells the app.
func (w *world) leaves(participant string) {
	w.t.Helper()
	w.happens(participant, realtimetypes.EventNamePublishStopped)
	w.happens(participant, realtimetypes.EventNameLeft)
	w.handle(w.stageEvent("Participant Unpublished", participant))
}

// roomHeard is what was said in rooms under a name since it was last asked, as "attribute".
func (w *world) roomHeard(name, attribute string) (out []string) {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	for _, s := range w.cloud.said {
		if s.name == name {
			out = append(out, s.attributes[attribute])
		}
	}
	w.cloud.said = nil
	return out
}

func (w *world) hostToken(u User) StageToken {
	w.t.Helper()
	t, err := w.HostToken(w.t.Context(), u.ID, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func code(err error) string {
	var c *Coded
	if errors.As(err, &c) {
		return c.Code
	}
	return fault.Of(err).String()
}

func (c *cloud) DeleteMessage(_ context.Context, in *ivschat.DeleteMessageInput, _ ...func(*ivschat.Options)) (*ivschat.DeleteMessageOutput, error) {
	return &ivschat.DeleteMessageOutput{}, c.call("DeleteMessage "+*in.Id, func() error { return nil })
}

func (c *cloud) DisconnectUser(_ context.Context, in *ivschat.DisconnectUserInput, _ ...func(*ivschat.Options)) (*ivschat.DisconnectUserOutput, error) {
	return &ivschat.DisconnectUserOutput{}, c.call("DisconnectUser "+*in.UserId, func() error { return nil })
}

func (plainSealer) Digest(purpose, value string) string { return "digest of " + purpose + " " + value }
