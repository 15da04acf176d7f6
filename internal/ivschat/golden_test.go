package ivschat_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/api"
	chat "github.com/streamcat/streamcat/internal/ivschat"
)

// recorder answers nothing and keeps the last input of the operations that are asked for.
type recorder struct {
	chat.Operations
	in any
}

func (r *recorder) CreateRoom(_ context.Context, in *chat.CreateRoomInput) (*chat.CreateRoomOutput, error) {
	r.in = in
	return &chat.CreateRoomOutput{}, nil
}

func (r *recorder) GetRoom(_ context.Context, in *chat.GetRoomInput) (*chat.GetRoomOutput, error) {
	r.in = in
	return &chat.GetRoomOutput{}, nil
}

func (r *recorder) ListRooms(_ context.Context, in *chat.ListRoomsInput) (*chat.ListRoomsOutput, error) {
	r.in = in
	return &chat.ListRoomsOutput{}, nil
}

func (r *recorder) UpdateRoom(_ context.Context, in *chat.UpdateRoomInput) (*chat.UpdateRoomOutput, error) {
	r.in = in
	return &chat.UpdateRoomOutput{}, nil
}

func (r *recorder) DeleteRoom(_ context.Context, in *chat.DeleteRoomInput) (*chat.DeleteRoomOutput, error) {
	r.in = in
	return &chat.DeleteRoomOutput{}, nil
}

func (r *recorder) CreateChatToken(_ context.Context, in *chat.CreateChatTokenInput) (*chat.CreateChatTokenOutput, error) {
	r.in = in
	return &chat.CreateChatTokenOutput{}, nil
}

func (r *recorder) SendEvent(_ context.Context, in *chat.SendEventInput) (*chat.SendEventOutput, error) {
	r.in = in
	return &chat.SendEventOutput{}, nil
}

func (r *recorder) DeleteMessage(_ context.Context, in *chat.DeleteMessageInput) (*chat.DeleteMessageOutput, error) {
	r.in = in
	return &chat.DeleteMessageOutput{}, nil
}

func (r *recorder) DisconnectUser(_ context.Context, in *chat.DisconnectUserInput) (*chat.DisconnectUserOutput, error) {
	r.in = in
	return &chat.DisconnectUserOutput{}, nil
}

func (r *recorder) ListTagsForResource(_ context.Context, in *chat.ListTagsForResourceInput) (*chat.ListTagsForResourceOutput, error) {
	r.in = in
	return &chat.ListTagsForResourceOutput{}, nil
}

func (r *recorder) TagResource(_ context.Context, in *chat.TagResourceInput) (*chat.TagResourceOutput, error) {
	r.in = in
	return &chat.TagResourceOutput{}, nil
}

func (r *recorder) UntagResource(_ context.Context, in *chat.UntagResourceInput) (*chat.UntagResourceOutput, error) {
	r.in = in
	return &chat.UntagResourceOutput{}, nil
}

// The bytes that the real command line client sent arrive as what was typed. The inputs here are written
// by hand, so the generated shapes are not their own judge.
func TestRequestsOfTheCommandLineClientArriveAsTyped(t *testing.T) {
	const room = "arn:aws:ivschat:us-east-1:000000000000:room/AbCdEfGh1234"
	for file, want := range map[string]any{
		"create-room":            &chat.CreateRoomInput{Name: new("lobby"), MaximumMessageRatePerSecond: new(5)},
		"get-room":               &chat.GetRoomInput{Identifier: room},
		"list-rooms":             &chat.ListRoomsInput{Name: new("lobby"), MaxResults: new(3)},
		"update-room":            &chat.UpdateRoomInput{Identifier: room, MaximumMessageLength: new(100)},
		"delete-room":            &chat.DeleteRoomInput{Identifier: room},
		"create-chat-token":      &chat.CreateChatTokenInput{RoomIdentifier: room, UserId: "11231234", Capabilities: []string{"SEND_MESSAGE"}},
		"send-event":             &chat.SendEventInput{RoomIdentifier: room, EventName: "e", Attributes: map[string]string{"a": "b"}},
		"delete-message":         &chat.DeleteMessageInput{RoomIdentifier: room, Id: "AbCdEfGh1234", Reason: new("spam")},
		"disconnect-user":        &chat.DisconnectUserInput{RoomIdentifier: room, UserId: "u", Reason: new("bye")},
		"list-tags-for-resource": &chat.ListTagsForResourceInput{ResourceArn: room},
		"tag-resource":           &chat.TagResourceInput{ResourceArn: room, Tags: map[string]string{"k": "v"}},
		"untag-resource":         &chat.UntagResourceInput{ResourceArn: room, TagKeys: []string{"z", "a", "a"}},
	} {
		t.Run(file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "aws-cli", file+".http"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				t.Fatal(err)
			}
			got := &recorder{}
			captured, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Fatal(err)
			}
			mux := api.NewMux(api.Deps{Verifier: verifier(func() time.Time { return captured }), Log: quiet})
			mux.Handle(api.IVSChat, chat.Routes(got)...)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 204 {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if d := cmp.Diff(want, got.in); d != "" {
				t.Error(d)
			}
		})
	}
}
