package rtc

// maxRemembered is how many packets of a stream it is remembered of which numbers they have; a power of two, as many as are kept to be
// sent again.
const maxRemembered = 1024

// numbers remembers under which transport-wide numbers the packets of a stream went out that are sent again by themselves, on no
// repair stream: they must be the same to the last bit, since they are sealed with the same nonce (RFC 7714 §8.4). It takes no
// memory until a packet has such a number.
type numbers struct{ list []numbered }

// numbered is what a packet was sent with.
type numbered struct {
	seq    uint16
	number uint16
	has    bool // a number
	known  bool
}

// note takes note of a packet, with or without a number.
func (n *numbers) note(seq, number uint16, has bool) {
	if n.list == nil {
		if !has {
			return
		}
		n.list = make([]numbered, maxRemembered)
	}
	n.list[seq%maxRemembered] = numbered{seq, number, has, true}
}

// of gives the number that a packet has; not ok if that is forgotten.
func (n *numbers) of(seq uint16) (number uint16, has, ok bool) {
	if n.list == nil {
		return 0, false, true
	}
	e := n.list[seq%maxRemembered]
	return e.number, e.has, !e.known || e.seq == seq
}
