package room

import "bytes"

// ringBytes bounds the frames that one room keeps.
const ringBytes = 128 << 10

// entry is one numbered frame that a room keeps.
type entry struct {
	note          // its frame is let go of: framed has it
	framed []byte // the WebSocket frame that members were sent; nil once the message is deleted
	past   []byte // the same without its RequestId, made when first asked for
}

func newEntry(n *note) entry {
	e := entry{note: *n}
	e.frame, e.done, e.spec = nil, nil, Spec{}
	if len(n.frame) > 0 {
		e.framed = textFrame(n.frame)
	}
	return e
}

// ring keeps the last entries of a room, oldest first and bounded in count and bytes: what people who come
// later may ask for. A deleted message leaves its place, so that it can still be named as the last one seen.
type ring struct {
	most  int // entries; 0: nothing is kept
	all   []entry
	first int // place of the oldest
	n     int
	bytes int
}

// at gives the entry that is i after the oldest.
func (k *ring) at(i int) *entry { return &k.all[(k.first+i)%len(k.all)] }

// add keeps an entry, at the cost of the oldest. The newest stays, however large.
func (k *ring) add(e entry) {
	if k.most == 0 {
		return
	}
	for k.n > 0 && (k.n == k.most || k.bytes+len(e.framed) > ringBytes) {
		k.drop()
	}
	if k.n == len(k.all) {
		k.grow()
	}
	k.n++
	*k.at(k.n - 1) = e
	k.bytes += len(e.framed)
}

// drop lets go of the oldest.
func (k *ring) drop() {
	e := k.at(0)
	k.bytes -= len(e.framed)
	*e = entry{}
	k.first = (k.first + 1) % len(k.all)
	k.n--
}

// grow makes place for more entries.
func (k *ring) grow() {
	all := make([]entry, min(max(8, 2*len(k.all)), k.most))
	for i := range k.n {
		all[i] = *k.at(i)
	}
	k.all, k.first = all, 0
}

// find gives the place of a frame by its id, and whether it is there. It looks at the newest first.
func (k *ring) find(id string) (int, bool) {
	for i := k.n - 1; i >= 0; i-- {
		if k.at(i).id == id {
			return i, true
		}
	}
	return 0, false
}

// forget deletes a message.
func (k *ring) forget(id string) {
	if i, ok := k.find(id); ok && k.at(i).kind == noteMessage {
		e := k.at(i)
		k.bytes -= len(e.framed)
		e.framed, e.past = nil, nil
	}
}

// clear lets go of everything.
func (k *ring) clear() { k.all, k.first, k.n, k.bytes = nil, 0, 0, 0 }

// old gives the frame as people are sent it who were not there: without the id of a request that is not
// theirs. It is nil of a deleted message.
func (e *entry) old() []byte {
	if e.past == nil && e.framed != nil {
		text := payloadOf(e.framed)
		if past := withoutRequest(text); len(past) < len(text) {
			e.past = textFrame(past)
		} else {
			e.past = e.framed
		}
	}
	return e.past
}

// payloadOf gives the text in a frame that textFrame made.
func payloadOf(framed []byte) []byte {
	switch framed[1] {
	case 126:
		return framed[4:]
	case 127:
		return framed[10:]
	}
	return framed[2:]
}

var requestMember = []byte(`,"RequestId":"`)

// withoutRequest empties the RequestId of a frame that this package encoded: Type and Id, which stand before
// it, cannot contain its name.
func withoutRequest(text []byte) []byte {
	from := bytes.Index(text, requestMember)
	if from < 0 {
		return text
	}
	from += len(requestMember)
	for to := from; to < len(text); to++ {
		switch text[to] {
		case '\\':
			to++
		case '"':
			if to == from {
				return text
			}
			return append(append(make([]byte, 0, len(text)), text[:from]...), text[to:]...)
		}
	}
	return text
}
