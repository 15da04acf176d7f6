package ivschat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

func TestChatToken(t *testing.T) {
	s := start(t)
	name := s.newRoom(t, &sdk.CreateRoomInput{})
	kilobyte := map[string]string{"naïve": strings.Repeat("é", 509)} // 6 + 1018 bytes
	for _, c := range []struct {
		name string
		in   sdk.CreateChatTokenInput
		want auth.ChatPass
	}{
		{
			"view only, for an hour",
			sdk.CreateChatTokenInput{UserId: aws.String("ann")},
			auth.ChatPass{UserID: "ann", SessionExpires: clock.Add(time.Hour)},
		}, {
			"everything asked for",
			sdk.CreateChatTokenInput{
				UserId: aws.String("11231234"), Attributes: kilobyte, SessionDurationInMinutes: aws.Int32(180),
				Capabilities: []types.ChatTokenCapability{"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER", "SEND_MESSAGE"},
			},
			auth.ChatPass{UserID: "11231234", Attributes: kilobyte, Send: true, Delete: true, Disconnect: true, SessionExpires: clock.Add(3 * time.Hour)},
		}, {
			"one capability",
			sdk.CreateChatTokenInput{UserId: aws.String("bob"), Capabilities: []types.ChatTokenCapability{"DELETE_MESSAGE"}, SessionDurationInMinutes: aws.Int32(1)},
			auth.ChatPass{UserID: "bob", Delete: true, SessionExpires: clock.Add(time.Minute)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.RoomIdentifier = name
			got := must[*sdk.CreateChatTokenOutput](t)(s.client.CreateChatToken(t.Context(), &c.in))
			if !got.TokenExpirationTime.Equal(clock.Add(time.Minute)) || !got.SessionExpirationTime.Equal(c.want.SessionExpires) {
				t.Errorf("times: %v, %v", got.TokenExpirationTime, got.SessionExpirationTime)
			}
			pass, err := s.passes.Verify(*got.Token, clock)
			if err != nil {
				t.Fatal(err)
			}
			c.want.ID, c.want.RoomARN, c.want.Issued, c.want.TokenExpires = pass.ID, *name, clock, clock.Add(time.Minute)
			if d := cmp.Diff(c.want, pass); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTokenRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	name := s.newRoom(t, &sdk.CreateRoomInput{})
	for _, c := range []struct {
		name, says string
		in         sdk.CreateChatTokenInput
	}{
		{"empty user id", "userId", sdk.CreateChatTokenInput{UserId: aws.String("")}},
		{"user id of 129 characters", "userId", sdk.CreateChatTokenInput{UserId: aws.String(strings.Repeat("x", 129))}},
		{"1,025 bytes of attributes", "attributes must be at most 1024 bytes", sdk.CreateChatTokenInput{Attributes: map[string]string{"k": strings.Repeat("x", 1024)}}},
		{"181 minutes", "sessionDurationInMinutes must be between 1 and 180", sdk.CreateChatTokenInput{SessionDurationInMinutes: aws.Int32(181)}},
		{"unknown capability", "capabilities", sdk.CreateChatTokenInput{Capabilities: []types.ChatTokenCapability{"DANCE"}}},
		{"another region's room", "us-east-1", sdk.CreateChatTokenInput{RoomIdentifier: aws.String(strings.Replace(*name, "us-east-1", "eu-west-1", 1))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.in.RoomIdentifier == nil {
				c.in.RoomIdentifier = name
			}
			if c.in.UserId == nil {
				c.in.UserId = aws.String("ann")
			}
			_, err := s.client.CreateChatToken(t.Context(), &c.in)
			if e := wants[*types.ValidationException](t, err); !strings.Contains(*e.Message, c.says) {
				t.Errorf("message %q does not say %q", *e.Message, c.says)
			}
		})
	}
	_, err := s.client.CreateChatToken(t.Context(), &sdk.CreateChatTokenInput{RoomIdentifier: aws.String(minter.New(arn.Room)), UserId: aws.String("ann")})
	wants[*types.ResourceNotFoundException](t, err)
}

// The sample of the documentation passes a number, which SDKs with types refuse before sending.
func TestNumericUserIDFailsClearly(t *testing.T) {
	s := start(t)
	name := s.newRoom(t, &sdk.CreateRoomInput{})
	body := post(t, s, "CreateChatToken", `{"roomIdentifier":"`+*name+`","userId":11231234}`, 400, "SerializationException")
	if !strings.Contains(body, "userId must be a string, not a number") {
		t.Errorf("got %s", body)
	}
	body = post(t, s, "CreateChatToken", `{"userId":"ann"}`, 400, "ValidationException")
	if !strings.Contains(body, `"fieldList":[{"name":"roomIdentifier"`) {
		t.Errorf("got %s", body)
	}
}
