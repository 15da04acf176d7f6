package ivschat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/arn"
)

// modelled gives the exceptions that the facts list for each operation.
func modelled(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../spec/ivschat.json")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Operations []struct {
			Name   string
			Errors [][2]any
		}
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, op := range spec.Operations {
		for _, e := range op.Errors {
			out[op.Name] = append(out[op.Name], e[1].(string))
		}
	}
	return out
}

// never are exceptions that this server's operations have no reason for: nobody's account is under
// review, destinations are not looked up when they are named, and what is being changed already can be
// changed again. Denials and rates are judged before an operation is called.
var never = map[string][]string{
	"PendingVerification":       nil, // of any operation
	"AccessDeniedException":     nil,
	"ThrottlingException":       nil,
	"ResourceNotFoundException": {"CreateLoggingConfiguration"},
	"ConflictException":         {"CreateLoggingConfiguration", "UpdateLoggingConfiguration"},
}

func TestEveryModelledErrorComesByItsName(t *testing.T) {
	s := startOn(t, "sqlite:"+t.TempDir()+"/test.db", map[arn.Kind]int{arn.Room: 1, arn.LoggingConfiguration: 1})
	ctx, c := t.Context(), s.client
	used := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	room := s.newRoom(t, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*used}})

	// call sends each operation with a name in the place that matters most to it.
	call := func(operation, name string) (err error) {
		switch operation {
		case "CreateChatToken":
			_, err = c.CreateChatToken(ctx, &sdk.CreateChatTokenInput{RoomIdentifier: &name, UserId: aws.String("u")})
		case "CreateLoggingConfiguration":
			_, err = c.CreateLoggingConfiguration(ctx, &sdk.CreateLoggingConfigurationInput{
				DestinationConfiguration: &types.DestinationConfigurationMemberFirehose{Value: types.FirehoseDestinationConfiguration{DeliveryStreamName: &name}},
			})
		case "CreateRoom":
			_, err = c.CreateRoom(ctx, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{name}})
		case "DeleteLoggingConfiguration":
			_, err = c.DeleteLoggingConfiguration(ctx, &sdk.DeleteLoggingConfigurationInput{Identifier: &name})
		case "DeleteMessage":
			_, err = c.DeleteMessage(ctx, &sdk.DeleteMessageInput{RoomIdentifier: &name, Id: aws.String("AbCdEfGh1234")})
		case "DeleteRoom":
			_, err = c.DeleteRoom(ctx, &sdk.DeleteRoomInput{Identifier: &name})
		case "DisconnectUser":
			_, err = c.DisconnectUser(ctx, &sdk.DisconnectUserInput{RoomIdentifier: &name, UserId: aws.String("u")})
		case "GetLoggingConfiguration":
			_, err = c.GetLoggingConfiguration(ctx, &sdk.GetLoggingConfigurationInput{Identifier: &name})
		case "GetRoom":
			_, err = c.GetRoom(ctx, &sdk.GetRoomInput{Identifier: &name})
		case "ListLoggingConfigurations":
			_, err = c.ListLoggingConfigurations(ctx, &sdk.ListLoggingConfigurationsInput{NextToken: &name})
		case "ListRooms":
			_, err = c.ListRooms(ctx, &sdk.ListRoomsInput{LoggingConfigurationIdentifier: &name})
		case "ListTagsForResource":
			_, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &name})
		case "SendEvent":
			_, err = c.SendEvent(ctx, &sdk.SendEventInput{RoomIdentifier: &name, EventName: aws.String("e")})
		case "TagResource":
			_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &name, Tags: map[string]string{"k": "v"}})
		case "UntagResource":
			_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &name, TagKeys: []string{"k"}})
		case "UpdateLoggingConfiguration":
			_, err = c.UpdateLoggingConfiguration(ctx, &sdk.UpdateLoggingConfigurationInput{Identifier: &name})
		case "UpdateRoom":
			_, err = c.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: &name})
		default:
			t.Fatalf("%s is not called", operation)
		}
		return err
	}
	loggingOperations := []string{"CreateRoom", "DeleteLoggingConfiguration", "GetLoggingConfiguration", "ListRooms", "UpdateLoggingConfiguration"}
	provoke := func(operation, exception string) error {
		switch exception {
		case "ValidationException":
			return call(operation, "no name!")
		case "ResourceNotFoundException":
			kind := arn.Room
			if slices.Contains(loggingOperations, operation) {
				kind = arn.LoggingConfiguration
			}
			return call(operation, minter.New(kind))
		case "ConflictException":
			if operation == "CreateRoom" {
				s.setLoggingState(t, *used, "UPDATING")
				defer s.setLoggingState(t, *used, "ACTIVE")
			}
			return call(operation, *used)
		case "ServiceQuotaExceededException":
			if operation == "CreateRoom" {
				return call(operation, *used)
			}
			return call(operation, "hose")
		case "InternalServerException":
			s.db.Close() // the last ones
			return call(operation, *room)
		}
		t.Fatalf("%s of %s is not provoked", exception, operation)
		return nil
	}

	operations := modelled(t)
	if len(operations) != 17 {
		t.Fatalf("%d operations", len(operations))
	}
	var last []func()
	for operation, exceptions := range operations {
		for _, exception := range exceptions {
			if those, ok := never[exception]; ok && (those == nil || slices.Contains(those, operation)) {
				continue
			}
			judge := func() {
				var got smithy.APIError
				if err := provoke(operation, exception); !errors.As(err, &got) || fmt.Sprintf("%T", got) != "*types."+exception || got.ErrorMessage() == "" {
					t.Errorf("%s: got %T %v, want %s with a message", operation, got, err, exception)
				}
			}
			if exception == "InternalServerException" {
				last = append(last, judge)
			} else {
				judge()
			}
		}
	}
	for _, judge := range last {
		judge()
	}
}
