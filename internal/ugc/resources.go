package ugc

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Tags on all that the app makes.
const (
	tagProject = "project"
	tagUser    = "user"
)

func (a *App) tags(u store.AppUser) map[string]string {
	return map[string]string{tagProject: a.Tag, tagUser: u.ID}
}

// owns says whether a resource was made by this app for that person.
func (a *App) owns(u store.AppUser, tags map[string]string) bool {
	return tags[tagProject] == a.Tag && tags[tagUser] == u.ID
}

// gone makes a removal of what does not exist any more a success.
func gone(what string, err error) error {
	if err = asked(what, err); err != nil && fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

func (a *App) makeChannel(ctx context.Context, u store.AppUser) (string, error) {
	out, err := a.Channels.CreateChannel(ctx, &ivs.CreateChannelInput{
		Name: &u.Username, Type: ivstypes.ChannelTypeBasicChannelType, LatencyMode: ivstypes.ChannelLatencyModeLowLatency, Tags: a.tags(u),
	}, ivsOnce)
	if err != nil {
		return "", asked("making a channel", err)
	}
	return aws.ToString(out.Channel.Arn), nil
}

func (a *App) findChannel(ctx context.Context, u store.AppUser) (string, error) {
	for in := (&ivs.ListChannelsInput{FilterByName: &u.Username}); ; {
		out, err := a.Channels.ListChannels(ctx, in)
		if err != nil {
			return "", asked("looking for a channel", err)
		}
		for _, c := range out.Channels {
			if a.owns(u, c.Tags) {
				return aws.ToString(c.Arn), nil
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return "", nil
		}
	}
}

func (a *App) dropChannel(ctx context.Context, arn string) error {
	_, err := a.Channels.DeleteChannel(ctx, &ivs.DeleteChannelInput{Arn: &arn})
	return gone("removing a channel", err)
}

func (a *App) makeRoom(ctx context.Context, u store.AppUser) (string, error) {
	out, err := a.Rooms.CreateRoom(ctx, &ivschat.CreateRoomInput{Name: &u.Username, Tags: a.tags(u), MessageReviewHandler: a.reviewHandler()}, chatOnce)
	if err != nil {
		return "", asked("making a chat room", err)
	}
	return aws.ToString(out.Arn), nil
}

func (a *App) findRoom(ctx context.Context, u store.AppUser) (string, error) {
	for in := (&ivschat.ListRoomsInput{Name: &u.Username}); ; {
		out, err := a.Rooms.ListRooms(ctx, in)
		if err != nil {
			return "", asked("looking for a chat room", err)
		}
		for _, r := range out.Rooms {
			if a.owns(u, r.Tags) {
				return aws.ToString(r.Arn), nil
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return "", nil
		}
	}
}

func (a *App) dropRoom(ctx context.Context, arn string) error {
	_, err := a.Rooms.DeleteRoom(ctx, &ivschat.DeleteRoomInput{Identifier: &arn})
	return gone("removing a chat room", err)
}

func (a *App) makeStage(ctx context.Context, u store.AppUser) (string, error) {
	out, err := a.Stages.CreateStage(ctx, &ivsrealtime.CreateStageInput{Name: &u.Username, Tags: a.tags(u)}, stageOnce)
	if err != nil {
		return "", asked("making a stage", err)
	}
	return aws.ToString(out.Stage.Arn), nil
}

// findStage walks all stages: the service has no filter by name.
func (a *App) findStage(ctx context.Context, u store.AppUser) (string, error) {
	for in := (&ivsrealtime.ListStagesInput{MaxResults: aws.Int32(100)}); ; {
		out, err := a.Stages.ListStages(ctx, in)
		if err != nil {
			return "", asked("looking for a stage", err)
		}
		for _, s := range out.Stages {
			if a.owns(u, s.Tags) {
				return aws.ToString(s.Arn), nil
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return "", nil
		}
	}
}

func (a *App) dropStage(ctx context.Context, arn string) error {
	_, err := a.Stages.DeleteStage(ctx, &ivsrealtime.DeleteStageInput{Arn: &arn})
	return gone("removing a stage", err)
}

// askAll asks each service for one thing.
func (a *App) askAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := a.Channels.ListChannels(ctx, &ivs.ListChannelsInput{MaxResults: aws.Int32(1)}); err != nil {
		return asked("asking for channels", err)
	}
	if _, err := a.Rooms.ListRooms(ctx, &ivschat.ListRoomsInput{MaxResults: aws.Int32(1)}); err != nil {
		return asked("asking for chat rooms", err)
	}
	if _, err := a.Stages.ListStages(ctx, &ivsrealtime.ListStagesInput{MaxResults: aws.Int32(1)}); err != nil {
		return asked("asking for stages", err)
	}
	return nil
}
