package ugc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ChatOrder is what the app asks of /engine/v1 to keep order in a chat room; *EngineClient fits.
type ChatOrder interface {
	Penalize(ctx context.Context, roomARN string, p store.AppPenalty) error
	// EndPenalty is no error if there is none.
	EndPenalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) error
	SetChatModes(ctx context.Context, roomARN string, m ChatModes) error
	Pin(ctx context.Context, roomARN string, p PinnedMessage) error
	// Unpin is no error if nothing is pinned.
	Unpin(ctx context.Context, roomARN string) error
}

// penaltyPaths are where penalties of each kind are kept.
var penaltyPaths = map[store.ChatPenaltyKind]string{store.ChatBan: "bans", store.ChatTimeOut: "time-outs"}

// Penalize implements ChatOrder.
func (c *EngineClient) Penalize(ctx context.Context, roomARN string, p store.AppPenalty) error {
	in := map[string]string{"userId": p.UserID, "reason": p.Reason}
	if !p.Until.IsZero() {
		in["until"] = p.Until.UTC().Format(time.RFC3339Nano)
	}
	return c.send(ctx, "keeping order in the chat", http.MethodPost, roomPath(roomARN, penaltyPaths[p.Kind]), nil, in)
}

// EndPenalty implements ChatOrder.
func (c *EngineClient) EndPenalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) error {
	err := c.send(ctx, "keeping order in the chat", http.MethodDelete, roomPath(roomARN, penaltyPaths[kind]), url.Values{"userId": {userID}}, nil)
	return missingIsFine(err)
}

// SetChatModes implements ChatOrder.
func (c *EngineClient) SetChatModes(ctx context.Context, roomARN string, m ChatModes) error {
	return c.send(ctx, "setting the chat's modes", http.MethodPatch, roomPath(roomARN, "modes"), nil, map[string]any{
		"slowMode": m.SlowMode, "followersOnly": m.FollowersOnly, "followerAttribute": "follower=true", "noGuests": m.NoGuests, "guestAttribute": "role=guest",
	})
}

// Pin implements ChatOrder.
func (c *EngineClient) Pin(ctx context.Context, roomARN string, p PinnedMessage) error {
	return c.send(ctx, "pinning the message", http.MethodPut, roomPath(roomARN, "pinned"), nil, map[string]any{
		"messageId": p.MessageID, "content": p.Content, "userId": p.UserID, "attributes": map[string]string{"displayName": p.Name},
	})
}

// Unpin implements ChatOrder.
func (c *EngineClient) Unpin(ctx context.Context, roomARN string) error {
	return missingIsFine(c.send(ctx, "unpinning the message", http.MethodDelete, roomPath(roomARN, "pinned"), nil, nil))
}

func roomPath(arn, what string) string {
	return "rooms/" + url.PathEscape(arn[strings.LastIndexByte(arn, '/')+1:]) + "/" + what
}

func missingIsFine(err error) error {
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

// send asks for a change; in is the body, nil for none.
func (c *EngineClient) send(ctx context.Context, what, method, path string, query url.Values, in any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	_, err := c.ask(ctx, what, method, path, query, body)
	return err
}
