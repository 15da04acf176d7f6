package stage

import (
	"slices"
	"time"
)

const (
	gather     = 100 * time.Millisecond // for which changes are gathered before sockets are told
	countEvery = time.Second            // how often sockets are told how many others there are, if that is all
	maxListed  = 1000                   // participants who never published and are told of by name
)

// roster is what the sockets of a stage know, and what they are still to be told. All fields are guarded by
// stage.mu.
//
// Nothing is sent when something happens, but a moment later, for everybody at once: the first of a row of
// changes at once, the others gather meanwhile. So is the state that a new socket gets first: its list of
// participants is encoded once for all that came within that moment, and holds exactly what later updates
// build on.
type roster struct {
	sockets map[*socket]struct{} // that have had their state
	fresh   map[*socket]struct{} // that wait for it

	told       map[string]struct{} // participants whom those sockets know
	touched    []string            // participants of whom there is something to tell, in order
	isTouched  map[string]struct{}
	listed     int // participants who are listed though they never published
	others     int // participants who are not listed
	othersTold int

	timer     *time.Timer
	due       time.Time // of the timer; zero: it does not run
	lastFlush time.Time
	lastCount time.Time // when others was told
	stopped   bool
}

func newRoster() roster {
	return roster{
		sockets: map[*socket]struct{}{}, fresh: map[*socket]struct{}{}, told: map[string]struct{}{}, isTouched: map[string]struct{}{},
	}
}

// knows says whether a socket has had its state.
func (r *roster) knows(s *socket) bool {
	_, ok := r.sockets[s]
	return ok
}

func (r *roster) stop() {
	r.stopped = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

// arrive tells of a participant who joined.
func (st *stage) arrive(mem *member) {
	r := &st.roster
	if r.listed < st.m.listed {
		mem.listed, mem.counted = true, true
		r.listed++
		st.touch(mem)
		return
	}
	r.others++
	st.plan()
}

// depart tells of a participant who left.
func (st *stage) depart(mem *member) {
	if !mem.listed {
		st.roster.others--
		st.plan()
		return
	}
	if mem.counted {
		st.roster.listed--
	}
	st.touch(mem)
}

// change tells of a participant who is not as before. One who publishes is told of by name from then on.
func (st *stage) change(mem *member) {
	r := &st.roster
	switch {
	case mem.publishing && !mem.listed:
		mem.listed = true
		r.others--
	case mem.publishing && mem.counted:
		mem.counted = false
		r.listed--
	}
	if mem.listed {
		st.touch(mem)
	}
}

func (st *stage) touch(mem *member) {
	r, id := &st.roster, mem.seat.ParticipantID
	st.notify(id)
	if _, ok := r.isTouched[id]; !ok {
		r.isTouched[id] = struct{}{}
		r.touched = append(r.touched, id)
	}
	st.plan()
}

// plan sees to it that flush runs when it should.
func (st *stage) plan() {
	r := &st.roster
	if r.stopped {
		return
	}
	wait := time.Until(r.lastFlush.Add(gather))
	if len(r.touched) == 0 && len(r.fresh) == 0 {
		if r.others == r.othersTold {
			return
		}
		wait = time.Until(r.lastCount.Add(countEvery))
	}
	due := time.Now().Add(max(0, wait))
	if !r.due.IsZero() && !due.Before(r.due) {
		return
	}
	r.due = due
	if r.timer == nil {
		r.timer = time.AfterFunc(max(0, wait), st.flush)
	} else {
		r.timer.Reset(max(0, wait))
	}
}

// flush tells all sockets what there is to tell.
func (st *stage) flush() {
	st.lock()
	defer st.unlock()
	r := &st.roster
	if r.stopped {
		return
	}
	now := time.Now()
	r.due, r.lastFlush = time.Time{}, now
	if frame := st.update(now); frame != nil {
		for s := range r.sockets {
			s.offer(frame)
		}
	}
	if len(r.fresh) > 0 {
		st.welcome()
	}
	st.attend()
	st.plan()
}

// update makes the frame that tells what changed; nil if nothing did.
func (st *stage) update(now time.Time) []byte {
	r := &st.roster
	u := updateFrame{Joined: []participantFrame{}, Changed: []participantFrame{}, Left: []string{}}
	for _, id := range r.touched {
		_, known := r.told[id]
		mem := st.members[id]
		switch {
		case mem != nil && mem.listed && known:
			u.Changed = append(u.Changed, mem.frame())
		case mem != nil && mem.listed:
			u.Joined = append(u.Joined, mem.frame())
			r.told[id] = struct{}{}
		case known:
			u.Left = append(u.Left, id)
			delete(r.told, id)
		}
	}
	r.touched = r.touched[:0]
	clear(r.isTouched)
	empty := len(u.Joined)+len(u.Changed)+len(u.Left) == 0
	if r.others != r.othersTold && (!empty || now.Sub(r.lastCount) >= countEvery) {
		n := r.others
		u.Others, empty = &n, false
		r.othersTold, r.lastCount = n, now
	}
	if empty || len(r.sockets) == 0 {
		return nil
	}
	return encode("STAGE_UPDATE", u)
}

// welcome gives new sockets the state as it is, and makes them listeners like the others.
func (st *stage) welcome() {
	r := &st.roster
	var list []*member
	for _, mem := range st.members {
		if mem.listed {
			list = append(list, mem)
		}
	}
	slices.SortFunc(list, func(a, b *member) int { return a.joined.Compare(b.joined) })
	frames := make([]participantFrame, 0, len(list))
	for _, mem := range list {
		frames = append(frames, mem.frame())
	}
	state := newStateFrame(st.id, st.session.id, frames, r.others)
	for s := range r.fresh {
		mem := s.mem
		var own *participantFrame
		if !mem.listed {
			f := mem.frame()
			own = &f
		}
		s.offer(state.of(mem.seat.ParticipantID, own))
		if len(st.talk.order) > 0 {
			s.offer(st.talk.frame())
		}
		r.sockets[s] = struct{}{}
		if mem.gallery != nil {
			s.offer(mem.gallery.told)
		}
	}
	clear(r.fresh)
	st.newcomers = true
	if r.others != r.othersTold { // sockets know different numbers: whatever is next, it must be told
		r.othersTold = -1
	}
}
