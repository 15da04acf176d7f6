package room

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// rules is what holds in a room besides what IVS knows of, as read from the database: never changed, only replaced.
type rules struct {
	version  int64
	modes    Modes
	pinned   string               // id of the pinned message; "" if there is none
	banned   map[string]time.Time // until when, by user; the zero Time is for ever
	timedOut map[string]time.Time
}

// holds says whether a penalty with that end is still in force.
func holds(until, now time.Time) bool { return until.IsZero() || now.Before(until) }

// keeper holds a running room to its rules. They are in memory, so that a message costs no query: whoever changes
// them tells all nodes, which read them anew. Should a node miss that, it finds another version in the
// database when it looks after the room's settings anyway.
type keeper struct {
	mu      sync.Mutex // a leaf: nothing is locked under it
	rules   rules
	reading bool      // somebody reads the rules because they were said to have changed
	again   bool      // and it was said once more since
	looked  time.Time // when the version was last compared

	spoke map[string]int64 // when whom the slow mode counts for last said something; Unix time in nanoseconds
	swept int64            // when spoke was last rid of what is of no more use
}

// read reads the rules of the room. Of two who read at once, the later version stays.
func (k *keeper) read(ctx context.Context, db *store.DB, room string, now time.Time) error {
	row, err := db.ChatRules(ctx, room)
	if err != nil {
		return fmt.Errorf("chat rules: %w", err)
	}
	next := rules{version: row.Version}
	if row.Version > 0 {
		if err := next.fill(ctx, db, room, row, now); err != nil {
			return fmt.Errorf("chat rules: %w", err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = now
	if next.version >= k.rules.version {
		k.rules = next
	}
	if k.rules.modes.Slow == 0 {
		k.spoke = nil
	}
	return nil
}

func (r *rules) fill(ctx context.Context, db *store.DB, room string, row store.ChatRules, now time.Time) (err error) {
	if r.modes, err = parseModes(row.Modes); err != nil {
		return err
	}
	pinned, err := parsePinned(row.Pinned)
	if err != nil {
		return err
	}
	if pinned != nil {
		r.pinned = pinned.MessageID
	}
	penalties, err := db.ChatPenalties(ctx, room, now)
	if err != nil {
		return err
	}
	r.banned, r.timedOut = map[string]time.Time{}, map[string]time.Time{}
	for _, p := range penalties {
		if p.Kind == store.ChatBan {
			r.banned[p.UserID] = p.Until
		} else {
			r.timedOut[p.UserID] = p.Until
		}
	}
	return nil
}

// bannedNow says whether a user is banned; anybody says whether somebody is.
func (k *keeper) bannedNow(user string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.rules.banned[user]
	return ok && holds(until, now)
}

func (k *keeper) anybodyBanned() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.rules.banned) > 0
}

// isPinned says whether a message is the pinned one.
func (k *keeper) isPinned(messageID string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rules.pinned != "" && k.rules.pinned == messageID
}

// maySay judges whether c may send a message now: Denied or Throttled if not. In slow mode it counts as said;
// takeBack undoes that for a message that is refused after all.
func (k *keeper) maySay(c *conn, now time.Time) (takeBack func(), err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.rules.bars(c.user, now); err != nil {
		return nil, err
	}
	if c.pass.moderates() {
		return func() {}, nil
	}
	if err := k.rules.modes.judge(c.sender); err != nil {
		return nil, err
	}
	return k.slow(c.user, now)
}

// bars is maySay by penalties alone, for a message that was let in before.
func (k *keeper) bars(user string, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rules.bars(user, now)
}

func (r *rules) bars(user string, now time.Time) error {
	if until, ok := r.banned[user]; ok && holds(until, now) {
		return fault.AccessDenied("you are banned from this room")
	}
	until, ok := r.timedOut[user]
	switch {
	case !ok || !holds(until, now):
		return nil
	case until.IsZero():
		return fault.AccessDenied("you may not write in this room any more")
	}
	return fault.AccessDenied("you are timed out for another %d seconds", secondsUp(until.Sub(now)))
}

// moderates says whether a token is that of a moderator, to whom modes do not apply.
func (g grants) moderates() bool { return g.delete || g.disconnect }

// slow judges by the slow mode, with k.mu held.
func (k *keeper) slow(user string, now time.Time) (takeBack func(), err error) {
	every := k.rules.modes.Slow
	if every == 0 {
		return func() {}, nil
	}
	was, spoke := k.spoke[user]
	// One that lies ahead was set before the clock was set back, which must not lock anyone out.
	if left := every - time.Duration(now.UnixNano()-was); spoke && left > 0 && left <= every {
		return nil, fault.TooFast(1, "slow mode is on: one message in %d seconds; please wait another %d seconds", secondsUp(every), secondsUp(left))
	}
	k.note(user, now)
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if spoke && k.spoke != nil {
			k.spoke[user] = was
		} else {
			delete(k.spoke, user)
		}
	}, nil
}

// heard counts a message that another node let pass.
func (k *keeper) heard(user string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules.modes.Slow > 0 && user != "" {
		k.note(user, now)
	}
}

// note writes down that a user spoke, with k.mu held. What is older than the slow mode reaches is forgotten as often.
func (k *keeper) note(user string, now time.Time) {
	if k.spoke == nil {
		k.spoke = map[string]int64{}
	}
	at, every := now.UnixNano(), int64(k.rules.modes.Slow)
	if gone := at - k.swept; gone > every || gone < 0 {
		k.swept = at
		for who, when := range k.spoke {
			if at-when >= every || when > at {
				delete(k.spoke, who)
			}
		}
	}
	k.spoke[user] = at
}

// secondsUp gives whole seconds, not fewer than there are.
func secondsUp(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

const rulesSubject = "chat-rules"

// rulesChanged reads the rules of a room anew, if it runs here, and tells the other nodes to do so. On this node they
// are in force when it returns.
func (m *Manager) rulesChanged(ctx context.Context, arn, id string) error {
	if r := m.hold(id); r != nil {
		defer m.exit(r)
		if err := r.keep.read(ctx, m.db, arn, m.now()); err != nil {
			return err
		}
	}
	if err := m.bus.Publish(rulesSubject, []byte(m.node+" "+id)); err != nil {
		return fmt.Errorf("tell of chat rules: %w", err)
	}
	return nil
}

// hearRules takes another node's word that a room's rules have changed.
func (m *Manager) hearRules(b bus.Message) {
	node, id, ok := strings.Cut(string(b.Data), " ")
	if !ok || node == m.node {
		return
	}
	r := m.hold(id)
	if r == nil {
		return
	}
	r.keep.mu.Lock()
	start := !r.keep.reading
	r.keep.reading, r.keep.again = true, true
	r.keep.mu.Unlock()
	if !start {
		m.exit(r)
		return
	}
	m.work.Go(func() {
		defer m.exit(r)
		r.readRules()
	})
}

// readRules reads the rules until they have not been said to have changed meanwhile: many changes at once cost few readings.
func (r *room) readRules() {
	for {
		r.keep.mu.Lock()
		if !r.keep.again {
			r.keep.reading = false
			r.keep.mu.Unlock()
			return
		}
		r.keep.again = false
		r.keep.mu.Unlock()
		arn := r.arn()
		if arn == "" { // the first member is on the way in; the rules are read after that
			continue
		}
		ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
		err := r.keep.read(ctx, r.m.db, arn, r.m.now())
		cancel()
		if err != nil && r.m.life.Err() == nil { // the next look at the version makes good for it
			r.m.log.Warn("chat rules not read; the last ones stay", "room", r.id, "error", err)
		}
	}
}

// look reads the rules if the database has another version of them. It looks when that was not done for age.
func (r *room) look(now time.Time, age time.Duration) {
	k := &r.keep
	k.mu.Lock()
	due, known := now.Sub(k.looked) >= age || now.Before(k.looked), k.rules.version
	if due {
		k.looked = now
	}
	k.mu.Unlock()
	arn := r.arn()
	if !due || arn == "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
	defer cancel()
	version, err := r.m.db.ChatVersion(ctx, arn)
	if err == nil && version != known {
		err = k.read(ctx, r.m.db, arn, now)
	}
	if err != nil && r.m.life.Err() == nil {
		r.m.log.Warn("chat rules not read; the last ones stay", "room", r.id, "error", err)
	}
}

func (r *room) arn() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spec.ARN
}

// hold gives a room that runs here, and counts a user in; exit undoes that. It is nil if there is none.
func (m *Manager) hold(id string) *room {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rooms[id]
	if r == nil || m.draining {
		return nil
	}
	r.users++
	m.work.Add(1)
	return r
}

// expel ends connections of users who are banned: those that came in while the ban was being told, and those
// that were never told of it.
func (r *room) expel(now time.Time) {
	if !r.keep.anybodyBanned() {
		return
	}
	r.each(func(c *conn) {
		if r.keep.bannedNow(c.user, now) {
			c.hangUp(byModerator, closeNormal, "banned from the room")
		}
	})
}

// parsed reads a JSON document of the database; an empty one is the zero value.
func parsed[T any](doc string) (v T, err error) {
	if doc != "" {
		err = json.Unmarshal([]byte(doc), &v)
	}
	return v, err
}
