package ivsrealtime

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// Replicator is the live side of replications; *stage.Manager fits.
type Replicator interface {
	// Replicate begins to show a participant on another stage, too.
	Replicate(ctx context.Context, asked live.Replication) error
	// StopReplication ends that. It is NotFound if there is no such replication.
	StopReplication(ctx context.Context, sourceStage, destinationStage, participantID string) error
}

func (nowhere) Replicate(context.Context, live.Replication) error {
	return fault.Down("stages do not run here")
}

func (nowhere) StopReplication(context.Context, string, string, string) error {
	return fault.Down("stages do not run here")
}

// StartParticipantReplication shows a participant of one stage on another one, too.
func (s *Service) StartParticipantReplication(ctx context.Context, in *StartParticipantReplicationInput) (*StartParticipantReplicationOutput, error) {
	if in.SourceStageArn == in.DestinationStageArn {
		return nil, fault.InvalidInput("a participant is replicated to another stage than its own")
	}
	for _, name := range []string{in.SourceStageArn, in.DestinationStageArn} {
		if _, err := s.Minter.Own(arn.Stage, name); err != nil {
			return nil, err
		}
		if _, err := s.stages.Get(ctx, name); err != nil {
			return nil, err
		}
	}
	asked := live.Replication{
		SourceStage: in.SourceStageArn, DestinationStage: in.DestinationStageArn, ParticipantID: *in.ParticipantId, Attributes: in.Attributes,
	}
	if in.ReconnectWindowSeconds != nil {
		asked.Window = time.Duration(*in.ReconnectWindowSeconds) * time.Second
	}
	if err := s.Replicator.Replicate(ctx, asked); err != nil {
		return nil, err
	}
	return &StartParticipantReplicationOutput{}, nil
}

// StopParticipantReplication ends a replication.
func (s *Service) StopParticipantReplication(ctx context.Context, in *StopParticipantReplicationInput) (*StopParticipantReplicationOutput, error) {
	for _, name := range []string{in.SourceStageArn, in.DestinationStageArn} {
		if _, err := s.Minter.Own(arn.Stage, name); err != nil {
			return nil, err
		}
	}
	if err := s.Replicator.StopReplication(ctx, in.SourceStageArn, in.DestinationStageArn, *in.ParticipantId); err != nil {
		return nil, err
	}
	return &StopParticipantReplicationOutput{}, nil
}

// ListParticipantReplicas gives a participant's replications to other stages, those that ended included, the
// newest first.
func (s *Service) ListParticipantReplicas(ctx context.Context, in *ListParticipantReplicasInput) (*ListParticipantReplicasOutput, error) {
	listing := []string{"ListParticipantReplicas", in.SourceStageArn, *in.ParticipantId}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.DB.Replications(ctx, in.SourceStageArn, *in.ParticipantId, limit(in.MaxResults, defaultPage), after)
	if err != nil {
		return nil, err
	}
	out := &ListParticipantReplicasOutput{Replicas: make([]ParticipantReplica, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i, r := range rows {
		out.Replicas[i] = ParticipantReplica{
			ParticipantId: r.ParticipantID, ReplicationState: replicationState(r), SourceStageArn: r.SourceStage, SourceSessionId: r.SourceSession,
			DestinationStageArn: r.DestinationStage, DestinationSessionId: r.DestinationSession,
		}
	}
	return out, nil
}

func replicationState(r store.Replication) string {
	if r.Ended.IsZero() {
		return ReplicationStateActive
	}
	return ReplicationStateStopped
}

// replicated is what a session shows of a participant's replications. A source has a state, too: ACTIVE while
// any of its replications runs.
type replicated struct {
	kind                              string
	state, sourceStage, sourceSession *string
}

// replicated gives that of participants of a session, by participant.
func (s *Service) replicated(ctx context.Context, session string, participants ...string) (map[string]replicated, error) {
	rows, err := s.DB.ReplicationsInSession(ctx, session, participants...)
	if err != nil {
		return nil, err
	}
	out := map[string]replicated{}
	for _, id := range participants {
		out[id] = replicated{kind: ReplicationTypeNone}
	}
	for _, r := range rows { // the oldest first: the last word is the newest's
		state, was := replicationState(r), out[r.ParticipantID]
		switch {
		case r.DestinationSession == session:
			out[r.ParticipantID] = replicated{ReplicationTypeReplica, &state, &r.SourceStage, &r.SourceSession}
		case was.kind == ReplicationTypeSource && *was.state == ReplicationStateActive:
		default:
			out[r.ParticipantID] = replicated{kind: ReplicationTypeSource, state: &state}
		}
	}
	return out, nil
}
