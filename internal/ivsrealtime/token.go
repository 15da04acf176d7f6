package ivsrealtime

import (
	"context"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

const defaultTokenMinutes = 720

// CreateParticipantToken makes one more participant of a stage: a token is a participant.
func (s *Service) CreateParticipantToken(ctx context.Context, in *CreateParticipantTokenInput) (*CreateParticipantTokenOutput, error) {
	a, err := s.Minter.Own(arn.Stage, in.StageArn)
	if err != nil {
		return nil, err
	}
	// Asked each time: whoever deleted a stage is told at once that it has no tokens to give.
	if ok, err := s.DB.ResourceExists(ctx, in.StageArn); err != nil {
		return nil, err
	} else if !ok {
		return nil, a.Missing()
	}
	t, err := s.mint(in.StageArn, *in)
	if err != nil {
		return nil, err
	}
	return &CreateParticipantTokenOutput{ParticipantToken: t}, nil
}

// mint makes a token for the stage and shows what it grants. Its times are whole seconds, as they stand
// in the token itself.
func (s *Service) mint(stage string, in CreateParticipantTokenInput) (*ParticipantToken, error) {
	minutes := defaultTokenMinutes
	if in.Duration != nil {
		minutes = *in.Duration
	}
	capabilities := in.Capabilities
	if len(capabilities) == 0 { // an empty list is legal and means the same as none
		capabilities = []string{ParticipantTokenCapabilityPublish, ParticipantTokenCapabilitySubscribe}
	}
	seat := auth.Seat{
		ParticipantID: arn.NewID(12),
		StageARN:      stage,
		StageID:       arn.ID(stage),
		Attributes:    in.Attributes,
		Publish:       slices.Contains(capabilities, ParticipantTokenCapabilityPublish),
		Subscribe:     slices.Contains(capabilities, ParticipantTokenCapabilitySubscribe),
		EventsURL:     s.Endpoints.Events,
		WhipURL:       s.Endpoints.Whip,
		Issued:        s.Now().UTC().Truncate(time.Second),
	}
	seat.Expires = seat.Issued.Add(time.Duration(minutes) * time.Minute)
	if in.UserId != nil {
		seat.UserID = *in.UserId
	}
	token, err := s.Seats.Mint(seat)
	if err != nil {
		return nil, err
	}
	return &ParticipantToken{
		Attributes:     in.Attributes,
		Capabilities:   capabilities,
		Duration:       &minutes,
		ExpirationTime: &api.Millis{Time: seat.Expires},
		ParticipantId:  &seat.ParticipantID,
		Token:          new(api.Secret(token)),
		UserId:         in.UserId,
	}, nil
}
