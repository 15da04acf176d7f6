package room

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"

	"github.com/streamcat/streamcat/internal/fault"
)

// maxPast is the largest number that a client may ask for.
const maxPast = 1000

// wish is what a client asks to be sent of the past before anything else. The zero value asks for nothing.
type wish struct {
	most  int    // frames; the newest of those that fit
	after string // id of the last frame that it has seen; "": it has seen none
}

// parseWish reads a wish from the query of a handshake: "history" is how many frames, 0 to 1000, "after" the
// id of the last one seen. A client that gives neither wants nothing, one that gives only "after" all that
// came since. The error is an Invalid fault.
func parseWish(query string) (wish, error) {
	if query == "" {
		return wish{}, nil
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return wish{}, fault.InvalidInput("the query cannot be read")
	}
	var w wish
	if q.Has("after") {
		if w.after, w.most = q.Get("after"), math.MaxInt; !isMessageID(w.after) {
			return wish{}, fault.InvalidInput("after is not the id of a message")
		}
	}
	if q.Has("history") {
		n, err := strconv.ParseUint(q.Get("history"), 10, 32)
		if err != nil || n > maxPast {
			return wish{}, fault.InvalidInput("history is not a number from 0 to %d", maxPast)
		}
		w.most = int(n)
	}
	return w, nil
}

// recall gives the frames that a user wishes to hear of the past, oldest first, with r.mu held.
//
// Who comes anew is told what was said, and not what was done to it. Who comes back is told that messages
// were deleted and others disconnected, too, to do the same to what is on the screen, but not of having been
// disconnected: with a new token, that is over. An id that is not kept any more was followed by everything
// that is.
func (r *room) recall(w wish, user string) [][]byte {
	var frames [][]byte
	from := max(0, r.past.n-r.m.history)
	if w.after != "" {
		if i, ok := r.past.find(w.after); ok {
			from = max(from, i+1)
		}
	}
	for i := r.past.n - 1; i >= from && len(frames) < w.most; i-- {
		e := r.past.at(i)
		switch {
		case e.kind == noteDelete && w.after == "":
		case e.kind == noteDisconnect && (w.after == "" || e.about == user):
		default:
			if f := e.old(); f != nil {
				frames = append(frames, f)
			}
		}
	}
	for i, j := 0, len(frames)-1; i < j; i, j = i+1, j-1 {
		frames[i], frames[j] = frames[j], frames[i]
	}
	return frames
}

// Past is a frame of a room's past.
type Past struct {
	Number uint64          // its place in the room's order
	Frame  json.RawMessage // a MESSAGE or EVENT, as clients are sent it who ask for the past
}

// History gives a room's last frames, the newest first: at most limit, of those whose number is below before;
// 0 means of all. Deleted messages are not among them. More says that there are older ones. It is a NotFound
// fault if there is no such room.
func (m *Manager) History(ctx context.Context, roomARN string, before uint64, limit int) (past []Past, more bool, err error) {
	if before == 0 {
		before = math.MaxUint64
	}
	err = m.visit(ctx, roomARN, func(r *room, _ Spec) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := r.past.n - 1; i >= max(0, r.past.n-m.history); i-- {
			e := r.past.at(i)
			f := e.old()
			if e.number >= before || f == nil {
				continue
			}
			if len(past) == limit {
				more = true
				break
			}
			past = append(past, Past{e.number, payloadOf(f)})
		}
		return nil
	})
	return past, more, err
}

// visit does something in a room, for the HTTP API, whether it has members here or not.
func (m *Manager) visit(ctx context.Context, roomARN string, do func(*room, Spec) error) error {
	spec, err := m.directory.Room(ctx, roomARN)
	if err != nil {
		return fmt.Errorf("chat room: %w", err)
	}
	r := m.enter(spec)
	if r == nil {
		return fault.Down("the server is shutting down")
	}
	defer m.exit(r)
	r.learn(spec, m.now())
	if err := r.open(); err != nil {
		return err
	}
	return do(r, spec.withDefaults())
}
