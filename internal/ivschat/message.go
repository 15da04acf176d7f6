package ivschat

import "context"

// SendEvent sends an application event to everybody in a room. It is not reviewed.
func (s *Service) SendEvent(ctx context.Context, in *SendEventInput) (*SendEventOutput, error) {
	id, err := s.Rooms.SendEvent(ctx, in.RoomIdentifier, in.EventName, in.Attributes)
	if err != nil {
		return nil, err
	}
	return &SendEventOutput{Id: &id}, nil
}

// DeleteMessage tells everybody in a room to forget a message. The server keeps no messages, so it
// cannot know whether there was one; the id it answers is that of the request.
func (s *Service) DeleteMessage(ctx context.Context, in *DeleteMessageInput) (*DeleteMessageOutput, error) {
	id, err := s.Rooms.DeleteMessage(ctx, in.RoomIdentifier, in.Id, optional(in.Reason))
	if err != nil {
		return nil, err
	}
	return &DeleteMessageOutput{Id: &id}, nil
}

// DisconnectUser ends all connections of a user in a room. It succeeds if there is none, too.
func (s *Service) DisconnectUser(ctx context.Context, in *DisconnectUserInput) (*DisconnectUserOutput, error) {
	if err := s.Rooms.DisconnectUser(ctx, in.RoomIdentifier, in.UserId, optional(in.Reason)); err != nil {
		return nil, err
	}
	return &DisconnectUserOutput{}, nil
}

func optional(v *string) string {
	if v == nil {
		return ""
	}
	return *v
}
