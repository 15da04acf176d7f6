package ugc

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// reviewHandler is what the app's rooms are made with; nil where nobody reviews them. Chat goes on where the reviewer
// does not answer.
func (a *App) reviewHandler() *chattypes.MessageReviewHandler {
	if a.ReviewHandler == "" {
		return nil
	}
	return &chattypes.MessageReviewHandler{Uri: &a.ReviewHandler, FallbackResult: chattypes.FallbackResultAllow}
}

// reviewRooms gives the app's rooms the present review handler, once: those that were made before there was one, or
// while another was set. Where nobody reviews now, rooms stay as they are.
func (a *App) reviewRooms(ctx context.Context) error {
	if a.ReviewHandler == "" || a.roomsReviewed.Load() {
		return nil
	}
	var behind []string
	for in := (&ivschat.ListRoomsInput{}); ; {
		out, err := a.Rooms.ListRooms(ctx, in)
		if err != nil {
			return asked("looking for chat rooms", err)
		}
		for _, r := range out.Rooms {
			if r.Tags[tagProject] == a.Tag && (r.MessageReviewHandler == nil || aws.ToString(r.MessageReviewHandler.Uri) != a.ReviewHandler) {
				behind = append(behind, aws.ToString(r.Arn))
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	for _, arn := range behind {
		_, err := a.Rooms.UpdateRoom(ctx, &ivschat.UpdateRoomInput{Identifier: &arn, MessageReviewHandler: a.reviewHandler()})
		if err = asked("having a chat room reviewed", err); err != nil && fault.Of(err) != fault.NotFound {
			return err
		}
	}
	a.roomsReviewed.Store(true)
	if len(behind) > 0 {
		a.Log.InfoContext(ctx, "chat rooms have a review handler now", "rooms", len(behind))
	}
	return nil
}
