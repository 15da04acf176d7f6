package ugc

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"
)

const (
	recentFor  = 30 * time.Second // without the text before it is forgotten
	maxTexts   = 16 << 10         // texts that are remembered, of all channels
	againAfter = 3                // times somebody may say the same
	crowdAfter = 5                // others who said the same make a crowd
)

// recentTexts remembers what was said in chats a moment ago: hashes, never words. It is bounded: what was said longest
// ago makes room. It knows what this process reviewed, so on several nodes each has its own.
type recentTexts struct {
	seed maphash.Seed

	mu    sync.Mutex
	texts map[uint64]*list.Element
	order *list.List // of *recentText, said last in front
}

// recentText is a text in a room, either of one sender or of anybody.
type recentText struct {
	key   uint64
	last  time.Time
	times int
	who   [crowdAfter + 1]uint64 // the first who said it
	many  int                    // how many of them there are
}

func newRecentTexts() *recentTexts {
	return &recentTexts{seed: maphash.MakeSeed(), texts: map[uint64]*list.Element{}, order: list.New()}
}

// saidBefore counts a text of a sender and says how often they have said it lately.
func (r *recentTexts) saidBefore(room, sender, text string, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.find([3]string{room, sender, text}, now)
	t.times++
	return t.times - 1
}

// others notes that a sender said a text and says how many others did lately; it counts no further than crowdAfter.
func (r *recentTexts) others(room, sender, text string, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.find([3]string{room, "", text}, now)
	me := maphash.String(r.seed, sender)
	for _, who := range t.who[:t.many] {
		if who == me {
			return t.many - 1
		}
	}
	if t.many < len(t.who) {
		t.who[t.many] = me
		t.many++
		return t.many - 1
	}
	return crowdAfter
}

// find gives what is remembered of a text, said now again, with r.mu held.
func (r *recentTexts) find(what [3]string, now time.Time) *recentText {
	key := maphash.Comparable(r.seed, what)
	if e, ok := r.texts[key]; ok {
		r.order.MoveToFront(e)
		t := e.Value.(*recentText)
		if gap := now.Sub(t.last); gap > recentFor || gap < 0 {
			*t = recentText{key: key}
		}
		t.last = now
		return t
	}
	if r.order.Len() >= maxTexts {
		oldest := r.order.Back()
		delete(r.texts, oldest.Value.(*recentText).key)
		r.order.Remove(oldest)
	}
	t := &recentText{key: key, last: now}
	r.texts[key] = r.order.PushFront(t)
	return t
}
