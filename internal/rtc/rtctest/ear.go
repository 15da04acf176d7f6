package rtctest

import "sync"

// Ear follows what comes of one track by its sequence numbers, in any order and as often as it likes.
type Ear struct {
	mu           sync.Mutex
	begun        bool
	next, newest int64          // the first one that has not come, and the last one that has
	early        map[int64]bool // those beyond next
	pictures     int
}

// Hear takes a packet. It fits Options.OnPacket where there is one track.
func (e *Ear) Hear(p Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.begun {
		seq := int64(p.RTP.SequenceNumber)
		e.begun, e.next, e.newest, e.early = true, seq, seq, map[int64]bool{}
	}
	seq := e.newest + int64(int16(p.RTP.SequenceNumber-uint16(e.newest)))
	if seq < e.next || e.early[seq] {
		return
	}
	if p.RTP.Marker {
		e.pictures++
	}
	e.newest = max(e.newest, seq)
	e.early[seq] = true
	for e.early[e.next] {
		delete(e.early, e.next)
		e.next++
	}
}

// Missing gives how many packets between the first and the newest have not come, and the newest one's number, which goes on
// beyond 65,535.
func (e *Ear) Missing() (missing int, newest int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(e.newest+1-e.next) - len(e.early), e.newest
}

// Pictures gives how many pictures have ended: packets with a marker.
func (e *Ear) Pictures() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pictures
}
