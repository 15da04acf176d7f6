package room

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// What nodes ask each other about rooms: a head in JSON and notes behind it.

type op string

const (
	opForward op = "forward"  // here are notes: bring them into the order
	opCatchUp op = "catch-up" // what came after my last one?
	opPromise op = "promise"  // I am about to own the room: listen to no earlier owner, and say what you have
)

// inquiry is what one node asks another.
type inquiry struct {
	Op    op
	Room  string // id
	Epoch uint64 // forward: whose owner is asked; catch-up: of the last note; promise: of the one to be made
	Spec  Spec   `json:",omitzero"` // forward: the room's settings

	Last   uint64 `json:",omitempty"` // catch-up: number of the last note
	Synced bool   `json:",omitempty"` // catch-up: there is a last note
}

// state is what a node is to a room.
type state string

const (
	stateNone   state = ""       // it does not number the room's notes
	stateTaking state = "taking" // it is about to
	stateOwner  state = "owner"
)

// reply is what a node answers.
type reply struct {
	State   state
	Epoch   uint64            // whose order it has
	Promise uint64            // the least epoch that it listens to
	Owner   string            `json:",omitempty"` // whom it takes for the owner
	Last    uint64            // number of the last note that it has
	Synced  bool              // it has an order at all
	Heard   map[string]uint64 `json:",omitempty"` // serials of nodes in that order

	Whole bool `json:",omitempty"` // catch-up: the notes are all that it keeps, not what comes after the last
	More  bool `json:",omitempty"` // catch-up: there are more

	Taken   int   `json:",omitempty"` // forward: how many notes were dealt with
	Refused []int `json:",omitempty"` // forward: which of them were over the room's rate
}

// pack makes one message of a head and notes.
func pack(head any, notes []*note) []byte {
	text, err := json.Marshal(head)
	if err != nil {
		panic("room: a parcel's head cannot be printed: " + err.Error())
	}
	b := append(binary.AppendUvarint(nil, uint64(len(text))), text...)
	for _, n := range notes {
		one := n.encode()
		b = append(binary.AppendUvarint(b, uint64(len(one))), one...)
	}
	return b
}

var errParcel = errors.New("room: parcel is cut off")

// unpack reads what pack made. The notes share b's memory.
func unpack(b []byte, head any) ([]*note, error) {
	text, b, ok := cutPiece(b)
	if !ok {
		return nil, errParcel
	}
	if err := json.Unmarshal(text, head); err != nil {
		return nil, fmt.Errorf("room: head of a parcel: %w", err)
	}
	var notes []*note
	for len(b) > 0 {
		var piece []byte
		if piece, b, ok = cutPiece(b); !ok {
			return nil, errParcel
		}
		n, err := parseNote(piece)
		if err != nil {
			return nil, err
		}
		notes = append(notes, n)
	}
	return notes, nil
}

// cutPiece takes off what stands behind its length.
func cutPiece(b []byte) (piece, rest []byte, ok bool) {
	size, used := binary.Uvarint(b)
	if used <= 0 || size > uint64(len(b)-used) {
		return nil, nil, false
	}
	end := used + int(size)
	return b[used:end:end], b[end:], true
}
