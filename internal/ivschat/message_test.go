package ivschat_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
)

type frame struct {
	Type, Id, EventName string
	Attributes          map[string]string
}

// join connects a user to a room with a token of the API.
func (s *server) join(t *testing.T, room *string, user string) *websocket.Conn {
	t.Helper()
	token := must[*sdk.CreateChatTokenOutput](t)(s.client.CreateChatToken(t.Context(), &sdk.CreateChatTokenInput{RoomIdentifier: room, UserId: &user}))
	c, _, err := websocket.Dial(t.Context(), s.chat, &websocket.DialOptions{Subprotocols: []string{*token.Token}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func read(t *testing.T, c *websocket.Conn) frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func closed(t *testing.T, c *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, text, err := c.Read(ctx); websocket.CloseStatus(err) == -1 {
		t.Fatalf("got %s, %v, want a close frame", text, err)
	}
}

func TestWhatTheAPISaysReachesTheRoom(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	name := s.newRoom(t, &sdk.CreateRoomInput{})
	ann, bob := s.join(t, name, "ann"), s.join(t, name, "bob")

	event := must[*sdk.SendEventOutput](t)(s.client.SendEvent(ctx, &sdk.SendEventInput{RoomIdentifier: name, EventName: aws.String("goal"), Attributes: map[string]string{"by": "7"}}))
	if d := cmp.Diff(frame{"EVENT", *event.Id, "goal", map[string]string{"by": "7"}}, read(t, ann)); d != "" {
		t.Errorf("event: %s", d)
	}
	read(t, bob)

	deleted := must[*sdk.DeleteMessageOutput](t)(s.client.DeleteMessage(ctx, &sdk.DeleteMessageInput{RoomIdentifier: name, Id: aws.String("AbCdEfGh1234"), Reason: aws.String("spam")}))
	want := frame{"EVENT", *deleted.Id, "aws:DELETE_MESSAGE", map[string]string{"MessageId": "AbCdEfGh1234", "MessageID": "AbCdEfGh1234", "Reason": "spam"}}
	if d := cmp.Diff(want, read(t, ann)); d != "" || len(*deleted.Id) != 12 {
		t.Errorf("delete: %s", d)
	}
	read(t, bob)

	must[*sdk.DisconnectUserOutput](t)(s.client.DisconnectUser(ctx, &sdk.DisconnectUserInput{RoomIdentifier: name, UserId: aws.String("bob")}))
	got := read(t, ann)
	if got.EventName != "aws:DISCONNECT_USER" || got.Attributes["UserId"] != "bob" {
		t.Errorf("disconnect: %+v", got)
	}
	read(t, bob)
	closed(t, bob)
	must[*sdk.DisconnectUserOutput](t)(s.client.DisconnectUser(ctx, &sdk.DisconnectUserInput{RoomIdentifier: name, UserId: aws.String("nobody")}))
	read(t, ann)

	must[*sdk.DeleteRoomOutput](t)(s.client.DeleteRoom(ctx, &sdk.DeleteRoomInput{Identifier: name}))
	closed(t, ann)
}

func TestMessageRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	room, missing := s.newRoom(t, &sdk.CreateRoomInput{}), minter.New(arn.Room)
	abroad := strings.Replace(*room, "us-east-1", "eu-west-1", 1)
	send := func(room, name string, attrs map[string]string) error {
		_, err := s.client.SendEvent(ctx, &sdk.SendEventInput{RoomIdentifier: &room, EventName: &name, Attributes: attrs})
		return err
	}
	remove := func(room, id string) error {
		_, err := s.client.DeleteMessage(ctx, &sdk.DeleteMessageInput{RoomIdentifier: &room, Id: &id})
		return err
	}
	kick := func(room, user, reason string) error {
		_, err := s.client.DisconnectUser(ctx, &sdk.DisconnectUserInput{RoomIdentifier: &room, UserId: &user, Reason: &reason})
		return err
	}
	for name, err := range map[string]error{"send": send(missing, "e", nil), "delete": remove(missing, "AbCdEfGh1234"), "kick": kick(missing, "u", "r")} {
		t.Run(name+" in a missing room", func(t *testing.T) {
			if e := wants[*types.ResourceNotFoundException](t, err); *e.ResourceId != arn.ID(missing) || e.ResourceType != types.ResourceTypeRoom {
				t.Errorf("got %+v", e)
			}
		})
	}
	for name, err := range map[string]error{
		"send abroad":               send(abroad, "e", nil),
		"delete abroad":             remove(abroad, "AbCdEfGh1234"),
		"kick abroad":               kick(abroad, "u", "r"),
		"event without a name":      send(*room, "", nil),
		"event name too long":       send(*room, strings.Repeat("x", 101), nil),
		"1,025 bytes of attributes": send(*room, "e", map[string]string{"k": strings.Repeat("x", 1024)}),
		"message id too long":       remove(*room, "AbCdEfGh12345"),
		"message id with a dash":    remove(*room, "AbCd-fGh1234"),
		"reason too long":           kick(*room, "u", strings.Repeat("x", 257)),
		"user id too long":          kick(*room, strings.Repeat("x", 129), "r"),
	} {
		t.Run(name, func(t *testing.T) { wants[*types.ValidationException](t, err) })
	}
}
