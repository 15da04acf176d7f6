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
	if !m.bus.Alone() {
		return m.tell(a.ID, &note{kind: noteClose})
	}
	m.mu.Lock()
	r := m.rooms[a.ID]
	m.mu.Unlock()
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.put(&note{kind: noteClose})
	}
	return nil
}

// cause announces an event that the HTTP API asked for.
func (m *Manager) cause(ctx context.Context, roomARN string, kind noteKind, about, name string, attrs attributes) (id string, err error) {
	err = m.visit(ctx, roomARN, func(r *room, spec Spec) error {
		id, err = r.announce(spec, kind, about, event{EventName: name, Attributes: attrs}, m.now())
		return err
	})
	return id, err
}

// announce gives an event its id and sends it to the room.
func (r *room) announce(spec Spec, kind noteKind, about string, e event, received time.Time) (id string, err error) {
	e.Type, e.ID, e.SendTime = "EVENT", newID(), sendTime(received)
	frame, err := encode(e)
	if err != nil {
		return "", err
	}
	return e.ID, r.post(spec, &note{kind: kind, id: e.ID, about: about, frame: frame}, received)
}

// tell sends a note to all nodes, this one included.
func (m *Manager) tell(room string, n *note) error {
	n.node = m.node
	if err := m.bus.Publish(subject(room), n.encode()); err != nil {
		return fmt.Errorf("tell the room: %w", err)
	}
	return nil
}

func subject(room string) string { return "room." + room }

// newID makes the id of a frame. Ids must differ across nodes, restarts and reconnects, since SDKs ignore
// one they have seen: 71 random bits see to that.
func newID() string { return arn.NewID(messageIDLen) }
