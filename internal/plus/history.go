package plus

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/room"
)

// ChatHistory knows what chat rooms keep of their past; *room.Manager does.
type ChatHistory interface {
	// History gives at most limit frames, the newest first, whose number is below before; 0 means of all. It is
	// NotFound of a room that does not exist.
	History(ctx context.Context, roomARN string, before uint64, limit int) (past []room.Past, more bool, err error)
}

func (s *Service) handleHistory() {
	name := func(v *visit) string {
		return "arn:aws:ivschat:" + s.d.Minter.Region + ":" + s.d.Minter.Account + ":room/" + v.PathValue("id")
	}
	s.handle(operation{
		"GetChatHistory", "GET rooms/{id}/history", http.StatusOK,
		[]string{"maxResults", "nextToken"},
		name,
		func(v *visit) (any, error) { return s.getChatHistory(v, name(v)) },
	})
}

// chatHistory is a page of what a room keeps.
type chatHistory struct {
	RoomARN   string            `json:"roomArn"`
	Frames    []json.RawMessage `json:"frames"`
	NextToken *string           `json:"nextToken,omitempty"`
}

func (s *Service) getChatHistory(v *visit, name string) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	before, err := api.Page[uint64](v.nextToken(), "GetChatHistory", name)
	if err != nil {
		return nil, err
	}
	if before == nil {
		before = new(uint64)
	}
	past, more, err := s.d.History.History(v.Context(), name, *before, limit)
	if err != nil {
		return nil, err
	}
	out := chatHistory{RoomARN: name, Frames: []json.RawMessage{}}
	for _, p := range past {
		out.Frames = append(out.Frames, p.Frame)
	}
	if more {
		out.NextToken = api.NextToken(&past[len(past)-1].Number, "GetChatHistory", name)
	}
	return out, nil
}
