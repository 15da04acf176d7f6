package ugc

import (
	"context"
	"errors"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/fault"
)

// Channels is what the app asks of the ivs service; *ivs.Client fits.
type Channels interface {
	CreateChannel(context.Context, *ivs.CreateChannelInput, ...func(*ivs.Options)) (*ivs.CreateChannelOutput, error)
	GetChannel(context.Context, *ivs.GetChannelInput, ...func(*ivs.Options)) (*ivs.GetChannelOutput, error)
	ListChannels(context.Context, *ivs.ListChannelsInput, ...func(*ivs.Options)) (*ivs.ListChannelsOutput, error)
	DeleteChannel(context.Context, *ivs.DeleteChannelInput, ...func(*ivs.Options)) (*ivs.DeleteChannelOutput, error)
	CreateStreamKey(context.Context, *ivs.CreateStreamKeyInput, ...func(*ivs.Options)) (*ivs.CreateStreamKeyOutput, error)
	GetStreamKey(context.Context, *ivs.GetStreamKeyInput, ...func(*ivs.Options)) (*ivs.GetStreamKeyOutput, error)
	ListStreamKeys(context.Context, *ivs.ListStreamKeysInput, ...func(*ivs.Options)) (*ivs.ListStreamKeysOutput, error)
	DeleteStreamKey(context.Context, *ivs.DeleteStreamKeyInput, ...func(*ivs.Options)) (*ivs.DeleteStreamKeyOutput, error)
	GetStream(context.Context, *ivs.GetStreamInput, ...func(*ivs.Options)) (*ivs.GetStreamOutput, error)
	ListStreams(context.Context, *ivs.ListStreamsInput, ...func(*ivs.Options)) (*ivs.ListStreamsOutput, error)
}

// Rooms is what the app asks of the ivschat service; *ivschat.Client fits.
type Rooms interface {
	CreateRoom(context.Context, *ivschat.CreateRoomInput, ...func(*ivschat.Options)) (*ivschat.CreateRoomOutput, error)
	UpdateRoom(context.Context, *ivschat.UpdateRoomInput, ...func(*ivschat.Options)) (*ivschat.UpdateRoomOutput, error)
	ListRooms(context.Context, *ivschat.ListRoomsInput, ...func(*ivschat.Options)) (*ivschat.ListRoomsOutput, error)
	DeleteRoom(context.Context, *ivschat.DeleteRoomInput, ...func(*ivschat.Options)) (*ivschat.DeleteRoomOutput, error)
	CreateChatToken(context.Context, *ivschat.CreateChatTokenInput, ...func(*ivschat.Options)) (*ivschat.CreateChatTokenOutput, error)
	DeleteMessage(context.Context, *ivschat.DeleteMessageInput, ...func(*ivschat.Options)) (*ivschat.DeleteMessageOutput, error)
	DisconnectUser(context.Context, *ivschat.DisconnectUserInput, ...func(*ivschat.Options)) (*ivschat.DisconnectUserOutput, error)
	SendEvent(context.Context, *ivschat.SendEventInput, ...func(*ivschat.Options)) (*ivschat.SendEventOutput, error)
}

// Stages is what the app asks of the ivs-realtime service; *ivsrealtime.Client fits.
type Stages interface {
	CreateStage(context.Context, *ivsrealtime.CreateStageInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.CreateStageOutput, error)
	ListStages(context.Context, *ivsrealtime.ListStagesInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.ListStagesOutput, error)
	GetStage(context.Context, *ivsrealtime.GetStageInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.GetStageOutput, error)
	DeleteStage(context.Context, *ivsrealtime.DeleteStageInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.DeleteStageOutput, error)
	CreateParticipantToken(context.Context, *ivsrealtime.CreateParticipantTokenInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.CreateParticipantTokenOutput, error)
	DisconnectParticipant(context.Context, *ivsrealtime.DisconnectParticipantInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.DisconnectParticipantOutput, error)
	ListParticipants(context.Context, *ivsrealtime.ListParticipantsInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.ListParticipantsOutput, error)
	ListParticipantEvents(context.Context, *ivsrealtime.ListParticipantEventsInput, ...func(*ivsrealtime.Options)) (*ivsrealtime.ListParticipantEventsOutput, error)
}

// The SDK repeats a call whose answer was lost. For calls that make something this would make it
// twice, so these go out once; the app looks for the thing before it asks again.
func ivsOnce(o *ivs.Options)           { o.Retryer = aws.NopRetryer{} }
func chatOnce(o *ivschat.Options)      { o.Retryer = aws.NopRetryer{} }
func stageOnce(o *ivsrealtime.Options) { o.Retryer = aws.NopRetryer{} }

// asked turns the error of a call into a fault whose message people may read. Whatever is not plainly
// the app's own mistake counts as the service being away.
func asked(what string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fault.Down("%s did not work: the streaming service does not answer", what).Because(err)
	}
	cause := &refusal{what: what, code: api.ErrorCode(), message: reason(api), err: err}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return fault.Missing("%s did not work: it does not exist any more", what).Because(cause)
	case "ChannelNotBroadcasting":
		return fault.Offline("the channel is not live").Because(cause)
	case "ConflictException":
		return fault.InConflict("%s did not work: it is in use", what).Because(cause)
	case "ServiceQuotaExceededException":
		return fault.OverQuota(0, "%s did not work: the streaming service has no room left", what).Because(cause)
	case "ThrottlingException":
		return fault.Down("%s did not work: the streaming service is busy", what).Because(cause)
	case "ValidationException":
		return fault.InvalidInput("%s was refused: %s", what, cause.message).Because(cause)
	default:
		return fault.Down("%s did not work: the streaming service is having trouble", what).Because(cause)
	}
}

// refusal is a service's own words about a call, for the log.
type refusal struct {
	what, code, message string
	err                 error
}

func (r *refusal) Error() string { return r.code + ": " + r.message }
func (r *refusal) Unwrap() error { return r.err }

// reason reads what a service said. The models of ivs and ivs-realtime carry it in a member of its own,
// ExceptionMessage, which the SDK's ErrorMessage does not read.
func reason(err smithy.APIError) string {
	if v := reflect.Indirect(reflect.ValueOf(err)); v.Kind() == reflect.Struct {
		if f := v.FieldByName("ExceptionMessage"); f.IsValid() {
			if said, ok := f.Interface().(*string); ok && aws.ToString(said) != "" {
				return *said
			}
		}
	}
	if said := err.ErrorMessage(); said != "" {
		return said
	}
	return "no reason given"
}
