package room

import (
	"encoding/binary"
	"errors"
	"time"
)

// note is what travels between nodes: to an owner, to have its place in a room's order, and from there on the
// room's subject of the bus to every node that has members of the room.
type note struct {
	kind     noteKind
	epoch    uint64 // of the owner that gave the number
	number   uint64 // place in the room's order; of a tick, the last one given; 0: none yet
	serial   uint64 // grows from note to note of one node
	received int64  // when the service took the request; Unix time in nanoseconds
	again    bool   // some have heard it already, in an order that was lost
	id       string // of the frame
	node     string // address of the node where it was said
	owner    string // address of the node that gave the number
	about    string // the user whose connections end, for noteDisconnect; the message, for noteDelete; who speaks, for noteMessage
	frame    []byte // the JSON that members are sent; empty for a close, a tick and a deleted message

	quiet bool // members here have heard it already

	// Of the node where it was said alone.
	spec    Spec
	posted  time.Duration // the manager's uptime
	givenTo uint64        // epoch of the owner that has it; 0: none
	done    func(error)   // told once what became of it; it must neither wait nor use the room
}

type noteKind byte

const (
	noteMessage    noteKind = 'm'
	noteEvent      noteKind = 'e'
	noteDelete     noteKind = 'd'
	noteDisconnect noteKind = 'k' // after the frame, the user's connections are closed
	noteClose      noteKind = 'c' // all connections are closed
	noteTick       noteKind = 't' // says how far the order has come
)

// action gives the label under which deliveries of the note are counted.
func (k noteKind) action() string {
	switch k {
	case noteMessage:
		return actionSend
	case noteDelete:
		return actionDelete
	case noteDisconnect:
		return actionDisconnect
	default:
		return actionEvent
	}
}

const noteFormat = 2 // first byte of an encoded note

var errNote = errors.New("room: note has an unknown form")

func (n *note) encode() []byte {
	b := make([]byte, 0, 3+8*binary.MaxVarintLen64+len(n.id)+len(n.node)+len(n.owner)+len(n.about)+len(n.frame))
	b = append(b, noteFormat, byte(n.kind), 0)
	if n.again {
		b[2] = 1
	}
	for _, v := range [...]uint64{n.epoch, n.number, n.serial, uint64(n.received)} {
		b = binary.AppendUvarint(b, v)
	}
	for _, s := range [...]string{n.id, n.node, n.owner, n.about} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return append(b, n.frame...)
}

// parseNote reads what encode made. The frame shares b's memory.
func parseNote(b []byte) (*note, error) {
	if len(b) < 3 || b[0] != noteFormat || b[2] > 1 {
		return nil, errNote
	}
	n := &note{kind: noteKind(b[1]), again: b[2] == 1}
	switch n.kind {
	case noteMessage, noteEvent, noteDelete, noteDisconnect, noteClose, noteTick:
	default:
		return nil, errNote
	}
	b = b[3:]
	var received uint64
	for _, v := range [...]*uint64{&n.epoch, &n.number, &n.serial, &received} {
		value, used := binary.Uvarint(b)
		if used <= 0 {
			return nil, errNote
		}
		*v, b = value, b[used:]
	}
	n.received = int64(received)
	for _, s := range [...]*string{&n.id, &n.node, &n.owner, &n.about} {
		piece, rest, ok := cutPiece(b)
		if !ok {
			return nil, errNote
		}
		*s, b = string(piece), rest
	}
	n.frame = b
	return n, nil
}
