package room

import (
	"encoding/binary"
	"errors"
)

// note is what travels on a room's subject of the bus, to every node that has members of the room.
type note struct {
	kind   noteKind
	number uint64 // place in the room's order; 0: none yet
	id     string // of the frame
	node   string // that sent it
	about  string // the user whose connections end, for noteDisconnect; the message, for noteDelete; who speaks, for noteMessage
	frame  []byte // the JSON that members are sent; empty for noteClose
}

type noteKind byte

const (
	noteMessage    noteKind = 'm'
	noteEvent      noteKind = 'e'
	noteDelete     noteKind = 'd'
	noteDisconnect noteKind = 'k' // after the frame, the user's connections are closed
	noteClose      noteKind = 'c' // all connections are closed
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
	b := make([]byte, 0, 2+4*binary.MaxVarintLen64+len(n.id)+len(n.node)+len(n.about)+len(n.frame))
	b = append(b, noteFormat, byte(n.kind))
	b = binary.AppendUvarint(b, n.number)
	for _, s := range [...]string{n.id, n.node, n.about} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return append(b, n.frame...)
}

// parseNote reads what encode made. The frame shares b's memory.
func parseNote(b []byte) (*note, error) {
	if len(b) < 2 || b[0] != noteFormat {
		return nil, errNote
	}
	n := &note{kind: noteKind(b[1])}
	switch n.kind {
	case noteMessage, noteEvent, noteDelete, noteDisconnect, noteClose:
	default:
		return nil, errNote
	}
	b = b[2:]
	number, used := binary.Uvarint(b)
	if used <= 0 {
		return nil, errNote
	}
	n.number, b = number, b[used:]
	for _, s := range [...]*string{&n.id, &n.node, &n.about} {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return nil, errNote
		}
		*s, b = string(b[used:used+int(size)]), b[used+int(size):]
	}
	n.frame = b
	return n, nil
}
