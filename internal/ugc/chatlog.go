package ugc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ChatDeed is one thing that was done to keep order in a chat.
type ChatDeed struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`  // name
	Action string    `json:"action"` // ban, unban, time-out, end-time-out, modes, pin, unpin, delete, add-moderator, remove-moderator
	Target *struct {
		UserID string `json:"userId"`
		Name   string `json:"name"`
	} `json:"target"` // null: nobody
	Detail   json.RawMessage `json:"detail"`
	UndoneAt *time.Time      `json:"undoneAt"` // null: it was not taken back
	UndoneBy string          `json:"undoneBy,omitempty"`
	CanUndo  bool            `json:"canUndo"` // by its kind, and not undone; it may have ended by itself
}

var undoable = map[string]bool{"ban": true, "time-out": true, "modes": true, "pin": true}

// ChatLog gives a page of what was done in a chat, newest first.
func (a *App) ChatLog(ctx context.Context, username string, actor User, limit int, after *store.Cursor) ([]ChatDeed, *store.Cursor, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return nil, nil, err
	}
	found, next, err := a.rows.ChatDeeds(ctx, b.c.UserID, limit, after)
	out := make([]ChatDeed, 0, len(found))
	for _, d := range found {
		shown := ChatDeed{ID: d.ID, At: d.At, Actor: d.ActorName, Action: d.Action, Detail: json.RawMessage(d.Detail), UndoneBy: d.UndoneBy}
		if d.Target != "" {
			shown.Target = &struct {
				UserID string `json:"userId"`
				Name   string `json:"name"`
			}{d.Target, d.TargetName}
		}
		if !d.Undone.IsZero() {
			shown.UndoneAt = &d.Undone
		}
		shown.CanUndo = undoable[d.Action] && d.Undone.IsZero()
		out = append(out, shown)
	}
	return out, next, err
}

// errChanged says that what is to be taken back is not so any more.
func errChanged() error {
	return &Coded{"changed-since", fault.InConflict("this has changed since and cannot be taken back")}
}

// Undo takes back a ban, a time-out, a change of modes or a pinned message, by the rules of whoever does the
// opposite. It is a Conflict if that is not so any more, or is nothing that can be taken back.
func (a *App) Undo(ctx context.Context, username string, actor User, id string) error {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return err
	}
	d, ok, err := a.rows.ChatDeed(ctx, b.c.UserID, id)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.Missing("the log has no such entry")
	case !undoable[d.Action]:
		return &Coded{"not-undoable", fault.InConflict("this cannot be taken back")}
	case !d.Undone.IsZero():
		return errChanged()
	}
	switch d.Action {
	case "ban", "time-out":
		kind := store.ChatPenaltyKind(d.Action)
		p, there, e := a.rows.Penalty(ctx, b.c.UserID, kind, d.Target, a.Now())
		if err = e; err == nil && (!there || p.Made.After(d.At)) {
			err = errChanged()
		}
		if err == nil {
			err = a.lift(ctx, b, kind, d.Target)
		}
	case "modes":
		err = a.undoModes(ctx, b, d)
	case "pin":
		var p PinnedMessage
		if err = json.Unmarshal([]byte(d.Detail), &p); err == nil {
			err = a.unpin(ctx, b, p.MessageID)
		}
	}
	if fault.Of(err) == fault.NotFound {
		err = errChanged()
	}
	if err != nil {
		return err
	}
	_, err = a.rows.UndoChatDeed(context.WithoutCancel(ctx), b.c.UserID, id, a.stamp(), actor.Username)
	return err
}

func (a *App) undoModes(ctx context.Context, b bench, d store.AppChatDeed) error {
	var was changed
	if err := json.Unmarshal([]byte(d.Detail), &was); err != nil {
		return err
	}
	_, err := a.changeModes(ctx, b, func(m *ChatModes) error {
		if *m != was.After {
			return errChanged()
		}
		*m = was.Before
		return nil
	})
	return err
}
