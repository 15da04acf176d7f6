package ivsrealtime

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// GetStageSession gives one session of a stage.
func (s *Service) GetStageSession(ctx context.Context, in *GetStageSessionInput) (*GetStageSessionOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.StageArn); err != nil {
		return nil, err
	}
	row, err := s.DB.StageSession(ctx, in.StageArn, in.SessionId)
	if err != nil {
		return nil, err
	}
	return &GetStageSessionOutput{StageSession: &StageSession{
		SessionId: &row.SessionID, StartTime: moment(row.Started), EndTime: moment(row.Ended),
	}}, nil
}

// ListStageSessions gives a stage's sessions, newest first. Those of a deleted stage stay until they are
// past retention; a stage that never was has none.
func (s *Service) ListStageSessions(ctx context.Context, in *ListStageSessionsInput) (*ListStageSessionsOutput, error) {
	listing := []string{"ListStageSessions", in.StageArn}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.DB.StageSessions(ctx, in.StageArn, limit(in.MaxResults, defaultPage), after)
	if err != nil {
		return nil, err
	}
	out := &ListStageSessionsOutput{StageSessions: make([]StageSessionSummary, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i, row := range rows {
		out.StageSessions[i] = StageSessionSummary{SessionId: &row.SessionID, StartTime: moment(row.Started), EndTime: moment(row.Ended)}
	}
	return out, nil
}

// moment makes an optional time: absent where it has not come.
func moment(t time.Time) *api.Millis {
	if t.IsZero() {
		return nil
	}
	return &api.Millis{Time: t}
}
