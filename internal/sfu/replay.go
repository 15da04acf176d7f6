package sfu

const (
	// maxReplay is how many packets, about 300 kB, a video Down may be started with from the ring. With
	// more, waiting for a new key frame is quicker for all but the best lines.
	maxReplay = 256
	// replaySpeed is how much faster than they were made the pictures of the past are to be shown, so that
	// playback does not stay behind.
	replaySpeed = 32
)

// replay is how a Down catches up from the ring beside the Up's goroutine, which goes on giving it
// packets meanwhile: those it notes and leaves to the one that catches up.
type replay struct {
	cursor int64  // the next number to be given out
	last   int64  // the newest number on offer
	seen   uint64 // the order of the latest packet on offer, or in the ring at first; later ones will be offered
}

// leaves says whether an offered packet is to be given out at once: only one that was passed over.
func (r *replay) leaves(p *packet) bool {
	r.seen = p.order
	r.last = max(r.last, p.num)
	return p.num < r.cursor
}

// prepareReplay begins with the newest key frame if all since its beginning is in the ring.
func (d *Down) prepareReplay(u *Up) bool {
	seen, key, newest := u.count.packets.Load(), u.keyNum.Load(), u.newest.Load()
	if key == 0 || newest < key || newest-key >= maxReplay {
		return false
	}
	var ref *packet
	var keyTS uint32
	for num := key; num <= newest; num++ {
		p := u.ring.acquire(num)
		if p == nil {
			return false
		}
		if num == key {
			keyTS = p.ts
		}
		if int32(p.ts-keyTS) < 0 {
			p.release()
			return false
		}
		if num < newest {
			p.release()
			continue
		}
		ref = p
	}
	defer ref.release()
	d.begin(ref, key, (ref.ts-keyTS)/replaySpeed)
	d.bent, d.knee = true, ref.ts
	d.replay = replay{cursor: key, last: newest, seen: seen}
	d.state = replaying
	return true
}

// bend gives the timestamp of a packet where earlier ones were replayed.
func (s *stretch) bend(p *packet, straight uint32) uint32 {
	before := int32(s.knee - p.ts)
	if before <= 0 {
		return straight
	}
	return s.knee + s.tsOffset - uint32(before)/replaySpeed
}

// catchUp gives out what is in the ring, packet by packet, so that neither the Up's goroutine nor anybody
// else waits for longer than one takes.
func (d *Down) catchUp(u *Up, turn uint64) {
	for d.replayOne(u, turn) {
	}
}

// replayOne says whether there is more to do.
func (d *Down) replayOne(u *Up, turn uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn != turn || d.state != replaying {
		return false
	}
	r := &d.replay
	if r.cursor > r.last {
		d.state = live
		return false
	}
	if p := u.ring.acquire(r.cursor); p != nil {
		if p.order <= r.seen {
			d.send(&d.stretch, p, false)
			d.stats.Replayed++
		}
		p.release()
	}
	r.cursor++
	return true
}
