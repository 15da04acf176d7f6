package ivschat

import (
	"context"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

const (
	tokenLife             = time.Minute // to connect; fixed
	defaultSessionMinutes = 60
)

// CreateChatToken makes a token that opens one connection to a room within a minute. The session it
// opens ends a while after the token was made, not after it was used.
func (s *Service) CreateChatToken(ctx context.Context, in *CreateChatTokenInput) (*CreateChatTokenOutput, error) {
	row, err := s.room(ctx, in.RoomIdentifier)
	if err != nil {
		return nil, err
	}
	minutes := defaultSessionMinutes
	if in.SessionDurationInMinutes != nil {
		minutes = *in.SessionDurationInMinutes
	}
	now := s.Now().UTC().Truncate(time.Millisecond)
	pass := auth.ChatPass{
		ID:             arn.NewID(16),
		RoomARN:        row.ARN,
		UserID:         in.UserId,
		Attributes:     in.Attributes,
		Send:           slices.Contains(in.Capabilities, ChatTokenCapabilitySendMessage),
		Delete:         slices.Contains(in.Capabilities, ChatTokenCapabilityDeleteMessage),
		Disconnect:     slices.Contains(in.Capabilities, ChatTokenCapabilityDisconnectUser),
		Issued:         now,
		TokenExpires:   now.Add(tokenLife),
		SessionExpires: now.Add(time.Duration(minutes) * time.Minute),
	}
	token, err := s.Passes.Mint(pass)
	if err != nil {
		return nil, err
	}
	return &CreateChatTokenOutput{
		Token:                 new(api.Secret(token)),
		TokenExpirationTime:   &api.Millis{Time: pass.TokenExpires},
		SessionExpirationTime: &api.Millis{Time: pass.SessionExpires},
	}, nil
}
