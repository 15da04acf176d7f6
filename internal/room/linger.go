package room

import (
	"cmp"
	"slices"
	"time"
)

// A room that nobody uses here any more stays for a while, with what it keeps of the past: so who loads a
// page anew, alone, finds what was said.
const (
	lingerFor   = 10 * time.Minute
	lingerRooms = 1000
	lingerBytes = 64 << 20
)

// lingers says whether a room that nobody uses is worth keeping, with m.mu held.
func (r *room) lingers() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lingering = r.past.bytes
	return (r.past.n > 0 || len(r.order.posts) > 0) && !r.gone
}

// forgetIdle lets go of rooms that nobody has used for long, and of the oldest of too many.
func (m *Manager) forgetIdle(uptime time.Duration) {
	var idle, forgotten []*room
	m.mu.Lock()
	for _, r := range m.rooms {
		if r.users > 0 {
			continue
		}
		idle = append(idle, r)
	}
	slices.SortFunc(idle, func(a, b *room) int { return cmp.Compare(b.idleSince, a.idleSince) }) // the newest first
	bytes := 0
	for i, r := range idle {
		stays := r.lingers()
		if bytes += r.lingering; !stays || i >= lingerRooms || bytes > lingerBytes || uptime-r.idleSince >= lingerFor {
			delete(m.rooms, r.id)
			forgotten = append(forgotten, r)
		}
	}
	m.mu.Unlock()
	for _, r := range forgotten {
		r.close()
	}
}
