package ivsrealtime

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// client is what package stage keeps of a participant beside the columns.
type client struct {
	Attributes     map[string]string `json:"attributes"`
	Protocol       string            `json:"protocol"`
	BrowserName    string            `json:"browserName"`
	BrowserVersion string            `json:"browserVersion"`
	OSName         string            `json:"osName"`
	OSVersion      string            `json:"osVersion"`
	SDKVersion     string            `json:"sdkVersion"`
	IngestARN      string            `json:"ingest"`
	Redundant      bool              `json:"redundant"`
}

func clientOf(row *store.StageParticipant) (c client, err error) {
	if err := json.Unmarshal(row.Doc, &c); err != nil {
		return c, fmt.Errorf("participant %s: %w", row.ParticipantID, err)
	}
	if c.Protocol == "" {
		c.Protocol = ParticipantProtocolUnknown
	}
	return c, nil
}

// recordingState says what became of recording a participant.
func recordingState(row *store.StageParticipant) *string {
	if row.Recording == "" {
		return new(ParticipantRecordingStateDisabled)
	}
	return &row.Recording
}

// GetParticipant gives one participant of a session.
func (s *Service) GetParticipant(ctx context.Context, in *GetParticipantInput) (*GetParticipantOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.StageArn); err != nil {
		return nil, err
	}
	row, err := s.DB.StageParticipant(ctx, in.StageArn, in.SessionId, *in.ParticipantId)
	if err != nil {
		return nil, err
	}
	c, err := clientOf(&row)
	if err != nil {
		return nil, err
	}
	replicas, err := s.replicated(ctx, in.SessionId, row.ParticipantID)
	if err != nil {
		return nil, err
	}
	replica := replicas[row.ParticipantID]
	return &GetParticipantOutput{Participant: &Participant{
		Attributes: c.Attributes, ParticipantId: &row.ParticipantID, UserId: present(row.UserID),
		State: &row.State, Published: &row.Published, FirstJoinTime: moment(row.Joined), Protocol: &c.Protocol,
		BrowserName: &c.BrowserName, BrowserVersion: &c.BrowserVersion, OsName: &c.OSName, OsVersion: &c.OSVersion,
		SdkVersion: &c.SDKVersion, IspName: new(string),
		IngestConfigurationArn: present(c.IngestARN), RedundantIngest: &c.Redundant,
		// Nothing is recorded yet, so there is no place where it would be.
		RecordingState: recordingState(&row), RecordingS3BucketName: new(string), RecordingS3Prefix: new(string),
		ReplicationType: &replica.kind, ReplicationState: replica.state, SourceStageArn: replica.sourceStage, SourceSessionId: replica.sourceSession,
	}}, nil
}

// ListParticipants gives the participants of a session, under at most one filter.
func (s *Service) ListParticipants(ctx context.Context, in *ListParticipantsInput) (*ListParticipantsOutput, error) {
	filter := store.StageParticipantFilter{UserID: in.FilterByUserId, Published: in.FilterByPublished}
	listing := []string{"ListParticipants", in.StageArn, in.SessionId}
	filters := 0
	name := func(given bool, what, value string) {
		if given {
			filters++
			listing = append(listing, what, value)
		}
	}
	name(in.FilterByUserId != nil, "userId", text(in.FilterByUserId))
	name(in.FilterByPublished != nil, "published", strconv.FormatBool(in.FilterByPublished != nil && *in.FilterByPublished))
	name(in.FilterByState != nil, "state", text(in.FilterByState))
	name(in.FilterByRecordingState != nil, "recordingState", text(in.FilterByRecordingState))
	if filters > 1 {
		return nil, fault.InvalidInput("only one of filterByUserId, filterByPublished, filterByState and filterByRecordingState may be given")
	}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	filter.State, filter.Recording = text(in.FilterByState), text(in.FilterByRecordingState)
	rows, next, err := s.DB.StageParticipants(ctx, in.StageArn, in.SessionId, filter, limit(in.MaxResults, defaultPage), after)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.ParticipantID
	}
	replicas, err := s.replicated(ctx, in.SessionId, names...)
	if err != nil {
		return nil, err
	}
	out := &ListParticipantsOutput{Participants: make([]ParticipantSummary, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i, row := range rows {
		c, err := clientOf(&row)
		if err != nil {
			return nil, err
		}
		replica := replicas[row.ParticipantID]
		out.Participants[i] = ParticipantSummary{
			ParticipantId: &row.ParticipantID, UserId: present(row.UserID), State: &row.State, Published: &row.Published,
			FirstJoinTime: moment(row.Joined), RecordingState: recordingState(&row),
			ReplicationType: &replica.kind, ReplicationState: replica.state, SourceStageArn: replica.sourceStage, SourceSessionId: replica.sourceSession,
			IngestConfigurationArn: present(c.IngestARN), RedundantIngest: &c.Redundant,
		}
	}
	return out, nil
}

// ListParticipantEvents gives what happened to a participant, newest first.
func (s *Service) ListParticipantEvents(ctx context.Context, in *ListParticipantEventsInput) (*ListParticipantEventsOutput, error) {
	listing := []string{"ListParticipantEvents", in.StageArn, in.SessionId, *in.ParticipantId}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.DB.StageEvents(ctx, in.StageArn, in.SessionId, *in.ParticipantId, limit(in.MaxResults, defaultPage), after)
	if err != nil {
		return nil, err
	}
	out := &ListParticipantEventsOutput{Events: make([]Event, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i, row := range rows {
		out.Events[i] = Event{
			Name: &row.Name, EventTime: moment(row.Time), ParticipantId: &row.ParticipantID,
			RemoteParticipantId: present(row.RemoteParticipantID), ErrorCode: present(row.ErrorCode), Replica: &row.Replica,
			DestinationStageArn: present(row.DestinationStage), DestinationSessionId: present(row.DestinationSession),
		}
		if out.Events[i].PreviousToken, err = exchanged(row.PreviousToken); err != nil {
			return nil, err
		}
		if out.Events[i].NewToken, err = exchanged(row.NewToken); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// exchanged gives a token that was exchanged, as package stage keeps it; nil if the event was another one.
func exchanged(text string) (*ExchangedParticipantToken, error) {
	if text == "" {
		return nil, nil
	}
	var doc struct {
		UserID     string            `json:"userId"`
		Attributes map[string]string `json:"attributes"`
		Publish    bool              `json:"publish"`
		Subscribe  bool              `json:"subscribe"`
		Expires    time.Time         `json:"expires"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("an exchanged token in the database cannot be read: %w", err)
	}
	t := &ExchangedParticipantToken{
		Attributes: doc.Attributes, Capabilities: []string{}, ExpirationTime: moment(doc.Expires), UserId: present(doc.UserID),
	}
	if doc.Publish {
		t.Capabilities = append(t.Capabilities, ParticipantTokenCapabilityPublish)
	}
	if doc.Subscribe {
		t.Capabilities = append(t.Capabilities, ParticipantTokenCapabilitySubscribe)
	}
	return t, nil
}

// DisconnectParticipant ends a participant's connections. The token is refused from then on, used or not; who
// came by an ingest configuration loses the stage that this was attached to.
func (s *Service) DisconnectParticipant(ctx context.Context, in *DisconnectParticipantInput) (*DisconnectParticipantOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.StageArn); err != nil {
		return nil, err
	}
	var by []store.Row[ingest]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.DB.Hold(ctx, in.StageArn); err != nil {
			return err
		}
		by, _, err = s.ingests.List(ctx, store.Query{
			Refs: []store.Ref{{Name: refParticipant, Value: *in.ParticipantId}, {Name: refStage, Value: in.StageArn}}, Limit: 1,
		})
		if err != nil || len(by) == 0 {
			return err
		}
		return s.detach(ctx, by[0].ARN, in.StageArn)
	})
	if err != nil {
		return nil, err
	}
	if len(by) > 0 {
		s.cut(ctx, &by[0].Doc)
		return &DisconnectParticipantOutput{}, nil
	}
	if err := s.Live.Disconnect(ctx, in.StageArn, *in.ParticipantId, text(in.Reason)); err != nil {
		return nil, err
	}
	return &DisconnectParticipantOutput{}, nil
}

func text(v *string) string {
	if v == nil {
		return ""
	}
	return *v
}
