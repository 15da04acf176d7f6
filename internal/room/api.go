package room

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
)

// SendEvent sends an event of the application's to everybody in a room and gives the event's id. Like all
// of these it works for rooms whose members are on other nodes; NotFound if there is no such room.
func (m *Manager) SendEvent(ctx context.Context, roomARN, name string, attrs map[string]string) (id string, err error) {
	return m.cause(ctx, roomARN, noteEvent, "", name, attrs)
}

// DeleteMessage tells everybody in a room to remove a message, and gives the id of the event that says
// so. Whether there was such a message is not known: rooms keep only the last ones. If it is pinned, that ends.
func (m *Manager) DeleteMessage(ctx context.Context, roomARN, messageID, reason string) (id string, err error) {
	if id, err = m.cause(ctx, roomARN, noteDelete, messageID, eventDelete, deleted(messageID, reason)); err != nil {
		return "", err
	}
	return id, m.unpinDeleted(ctx, roomARN, messageID)
}

// DisconnectUser tells everybody in a room that a user is disconnected, and closes all connections of
// that user, on all nodes. It is no error if there are none.
func (m *Manager) DisconnectUser(ctx context.Context, roomARN, userID, reason string) error {
	_, err := m.cause(ctx, roomARN, noteDisconnect, userID, eventDisconnect, disconnected(userID, reason))
	return err
}

// CloseRoom closes all connections of a room, on all nodes. It is called once the room is deleted, so the
// Directory is not asked.
func (m *Manager) CloseRoom(_ context.Context, roomARN string) error {
	a, err := arn.Parse(roomARN)
	if err != nil {
		return err
	}
	if m.cluster != nil {
		if err := m.bus.Publish(subject(a.ID), (&note{kind: noteClose}).encode()); err != nil {
			return fmt.Errorf("tell the room: %w", err)
		}
		return nil
	}
	m.mu.Lock()
	r := m.rooms[a.ID]
	m.mu.Unlock()
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.shut()
	}
	return nil
}

// cause announces an event that the HTTP API asked for.
func (m *Manager) cause(ctx context.Context, roomARN string, kind noteKind, about, name string, attrs attributes) (id string, err error) {
	err = m.visit(ctx, roomARN, func(r *room, spec Spec) error {
		told := make(chan error, 1)
		id, err = r.announce(spec, kind, about, event{EventName: name, Attributes: attrs}, m.now(), func(err error) { told <- err })
		if err != nil {
			return err
		}
		select {
		case err := <-told:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return id, err
}

// announce gives an event its id and sends it to the room. Done is told what became of it, unless there is an
// error.
func (r *room) announce(spec Spec, kind noteKind, about string, e event, received time.Time, done func(error)) (id string, err error) {
	e.Type, e.ID, e.SendTime = "EVENT", newID(), sendTime(received)
	frame, err := encode(e)
	if err != nil {
		return "", err
	}
	return e.ID, r.post(spec, &note{kind: kind, id: e.ID, about: about, frame: frame, done: done}, received)
}

func subject(room string) string { return "room." + room }

// newID makes the id of a frame. Ids must differ across nodes, restarts and reconnects, since SDKs ignore
// one they have seen: 71 random bits see to that.
func newID() string { return arn.NewID(messageIDLen) }
