package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

const defaultPage = 50

// stage is what the database keeps of a stage. Its tags stand in their own table.
type stage struct {
	Name      string                                `json:"name"`
	Recording AutoParticipantRecordingConfiguration `json:"recording"` // in full, defaults written out
}

// CreateStage makes a stage and, if asked, the first participant tokens for it, in the order of the
// request.
func (s *Service) CreateStage(ctx context.Context, in *CreateStageInput) (*CreateStageOutput, error) {
	if err := s.checkRecording(ctx, in.AutoParticipantRecordingConfiguration); err != nil {
		return nil, asValidation(err)
	}
	doc := stage{Recording: defaultRecording()}
	if in.Name != nil {
		doc.Name = *in.Name
	}
	applyRecording(&doc.Recording, in.AutoParticipantRecordingConfiguration)
	name := s.Minter.New(arn.Stage)
	var tokens []ParticipantToken
	for _, c := range in.ParticipantTokenConfigurations {
		t, err := s.mint(name, CreateParticipantTokenInput{
			Attributes: c.Attributes, Capabilities: c.Capabilities, Duration: c.Duration, UserId: c.UserId,
		})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, *t)
	}
	row, err := s.stages.Insert(ctx, name, &doc, in.Tags) // last: nothing half-made stays behind
	if err != nil {
		return nil, err
	}
	return &CreateStageOutput{Stage: s.shape(row, in.Tags), ParticipantTokens: tokens}, nil
}

// GetStage gives one stage.
func (s *Service) GetStage(ctx context.Context, in *GetStageInput) (*GetStageOutput, error) {
	row, err := s.stage(ctx, in.Arn)
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return &GetStageOutput{Stage: s.shape(row, tags[row.ARN])}, nil
}

// ListStages gives the stages, newest first.
func (s *Service) ListStages(ctx context.Context, in *ListStagesInput) (*ListStagesOutput, error) {
	const listing = "ListStages"
	after, err := api.Page[store.Cursor](in.NextToken, listing)
	if err != nil {
		return nil, err
	}
	limit := defaultPage
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	rows, next, err := s.stages.List(ctx, store.Query{Limit: limit, After: after})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.ARN
	}
	tags, err := s.DB.Tags(ctx, names...)
	if err != nil {
		return nil, err
	}
	out := &ListStagesOutput{Stages: make([]StageSummary, len(rows)), NextToken: api.NextToken(next, listing)}
	for i, row := range rows {
		out.Stages[i] = StageSummary{
			Arn: row.ARN, Name: &row.Doc.Name, Tags: tags[row.ARN], ActiveSessionId: present(s.Live.ActiveSession(row.ARN)),
		}
	}
	return out, nil
}

// UpdateStage changes what the request names and leaves the rest.
func (s *Service) UpdateStage(ctx context.Context, in *UpdateStageInput) (*UpdateStageOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.Arn); err != nil {
		return nil, err
	}
	if err := s.checkRecording(ctx, in.AutoParticipantRecordingConfiguration); err != nil {
		return nil, err
	}
	row, err := s.stages.Update(ctx, in.Arn, func(doc *stage) error {
		if in.Name != nil {
			doc.Name = *in.Name
		}
		applyRecording(&doc.Recording, in.AutoParticipantRecordingConfiguration)
		return nil
	})
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return &UpdateStageOutput{Stage: s.shape(row, tags[row.ARN])}, nil
}

// DeleteStage removes a stage and ends what runs there. Tokens for it stay readable but open nothing.
func (s *Service) DeleteStage(ctx context.Context, in *DeleteStageInput) (*DeleteStageOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.Arn); err != nil {
		return nil, err
	}
	if err := s.stages.Delete(ctx, in.Arn); err != nil {
		return nil, err
	}
	s.Live.CloseStage(ctx, in.Arn)
	return &DeleteStageOutput{}, nil
}

// stage reads a stage of this region and account.
func (s *Service) stage(ctx context.Context, name string) (*store.Row[stage], error) {
	if _, err := s.Minter.Own(arn.Stage, name); err != nil {
		return nil, err
	}
	return s.stages.Get(ctx, name)
}

// shape shows a stage with the addresses that clients use for it.
func (s *Service) shape(row *store.Row[stage], tags map[string]string) *Stage {
	if tags == nil {
		tags = map[string]string{}
	}
	return &Stage{
		Arn:                                   row.ARN,
		ActiveSessionId:                       present(s.Live.ActiveSession(row.ARN)),
		Name:                                  &row.Doc.Name,
		Tags:                                  tags,
		AutoParticipantRecordingConfiguration: &row.Doc.Recording,
		Endpoints: &StageEndpoints{
			Events: &s.Endpoints.Events, Whip: &s.Endpoints.Whip,
			Rtmp: present(s.Endpoints.Rtmp), Rtmps: present(s.Endpoints.Rtmps),
		},
	}
}

// present makes an optional member: absent where there is nothing to say.
func present(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}
