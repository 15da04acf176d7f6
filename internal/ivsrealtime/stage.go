package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

const defaultPage = 50

// stage is what the database keeps of a stage. Its tags stand in their own table.
type stage struct {
	Name      string                                `json:"name"`
	Recording AutoParticipantRecordingConfiguration `json:"recording"` // in full, defaults written out
}

// refStorage names the storage configuration that a stage records to.
const refStorage = "storage"

func stages(db *store.DB) *store.Collection[stage] {
	return store.NewCollection(db, arn.Stage, func(st *stage) []store.Ref {
		if to := *st.Recording.StorageConfigurationArn; to != "" {
			return []store.Ref{{Name: refStorage, Value: to}}
		}
		return nil
	})
}

// CreateStage makes a stage and, if asked, the first participant tokens for it, in the order of the
// request.
func (s *Service) CreateStage(ctx context.Context, in *CreateStageInput) (*CreateStageOutput, error) {
	doc := stage{Recording: defaultRecording()}
	doc.Name = text(in.Name)
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
	var row *store.Row[stage]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) { // last: nothing half-made stays behind
		if err := s.holdStorage(ctx, in.AutoParticipantRecordingConfiguration); err != nil {
			return asValidation(err)
		}
		row, err = s.stages.InsertWithin(ctx, s.Quotas[arn.Stage], name, &doc, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateStageOutput{Stage: s.shape(row, in.Tags), ParticipantTokens: tokens}, nil
}

// GetStage gives one stage.
func (s *Service) GetStage(ctx context.Context, in *GetStageInput) (*GetStageOutput, error) {
	row, tags, err := get(ctx, s, s.stages, arn.Stage, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetStageOutput{Stage: s.shape(row, tags)}, nil
}

// ListStages gives the stages, newest first.
func (s *Service) ListStages(ctx context.Context, in *ListStagesInput) (*ListStagesOutput, error) {
	out := &ListStagesOutput{Stages: []StageSummary{}}
	var err error
	out.NextToken, err = list(ctx, s, s.stages, "ListStages", in.NextToken, limit(in.MaxResults, defaultPage),
		func(row *store.Row[stage], tags map[string]string) {
			out.Stages = append(out.Stages, StageSummary{
				Arn: row.ARN, Name: &row.Doc.Name, Tags: tags, ActiveSessionId: present(s.Live.ActiveSession(row.ARN)),
			})
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateStage changes what the request names and leaves the rest.
func (s *Service) UpdateStage(ctx context.Context, in *UpdateStageInput) (*UpdateStageOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.Arn); err != nil {
		return nil, err
	}
	var row *store.Row[stage]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.holdStorage(ctx, in.AutoParticipantRecordingConfiguration, in.Arn); err != nil {
			return err
		}
		row, err = s.stages.Update(ctx, in.Arn, func(doc *stage) error {
			if in.Name != nil {
				doc.Name = *in.Name
			}
			return s.changeRecording(ctx, in.Arn, &doc.Recording, in.AutoParticipantRecordingConfiguration)
		})
		return err
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

// DeleteStage removes a stage and ends what runs there. Tokens for it stay readable but open nothing, and
// ingest configurations are attached to it no more.
func (s *Service) DeleteStage(ctx context.Context, in *DeleteStageInput) (*DeleteStageOutput, error) {
	if _, err := s.Minter.Own(arn.Stage, in.Arn); err != nil {
		return nil, err
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Hold(ctx, in.Arn); err != nil {
			return err
		}
		if err := s.detachAll(ctx, in.Arn); err != nil {
			return err
		}
		return s.stages.Delete(ctx, in.Arn)
	})
	if err != nil {
		return nil, err
	}
	s.Live.CloseStage(ctx, in.Arn)
	return &DeleteStageOutput{}, nil
}

// shape shows a stage with the addresses that clients use for it.
func (s *Service) shape(row *store.Row[stage], tags map[string]string) *Stage {
	return &Stage{
		Arn:                                   row.ARN,
		ActiveSessionId:                       present(s.Live.ActiveSession(row.ARN)),
		Name:                                  &row.Doc.Name,
		Tags:                                  orEmpty(tags),
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
