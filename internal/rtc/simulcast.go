package rtc

import (
	"slices"
	"strconv"
	"strings"
)

// maxLayers is how many encodings of one picture are taken from a publisher.
const maxLayers = 3

// Header extensions that tell which encoding a packet belongs to, or repairs (RFC 8852 §4).
const (
	uriRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
)

// maxRID is how long a RID may be: as much as a one-byte header extension holds (RFC 8285 §4.2).
const maxRID = 16

// readSimulcast reads which encodings a publisher's section offers to send (RFC 8853 §5.1): of alternatives
// the first, in the client's order. Encodings that do not exist, or not in the chosen format, are left
// out. Fewer than two, or none that could be told apart, are no simulcast.
func (m *offered) readSimulcast(s *section) {
	line, _ := s.get("simulcast")
	words := strings.Fields(line)
	at := slices.Index(words, "send")
	if at < 0 || at+1 == len(words) || m.ids.rid == 0 {
		return
	}
	for stream := range strings.SplitSeq(words[at+1], ";") {
		rid, _, _ := strings.Cut(stream, ",")
		rid = strings.TrimPrefix(rid, "~") // paused at the beginning
		if isRID(rid) && !slices.Contains(m.rids, rid) && len(m.rids) < maxLayers && s.sends(rid, m.format.pt) {
			m.rids = append(m.rids, rid)
		}
	}
	if len(m.rids) < 2 {
		m.rids = nil
	}
}

// sends says whether a section has an encoding that may come in a format (RFC 8851 §4).
func (s *section) sends(rid string, pt uint8) bool {
	for _, a := range s.attributes {
		f := strings.Fields(a.value)
		if a.key != "rid" || len(f) < 2 || f[0] != rid || f[1] != "send" {
			continue
		}
		for part := range strings.SplitSeq(strings.Join(f[2:], ""), ";") {
			if list, found := strings.CutPrefix(part, "pt="); found && !slices.Contains(strings.Split(list, ","), strconv.Itoa(int(pt))) {
				return false
			}
		}
		return true
	}
	return false
}

func isRID(v string) bool {
	return v != "" && len(v) <= maxRID && !strings.ContainsFunc(v, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// layers is how many encodings of the video are offered: 0 without simulcast.
func (o *offer) layers() int {
	for i := range o.media {
		if n := len(o.media[i].rids); n > 0 {
			return n
		}
	}
	return 0
}

// takeSimulcast lets the answer take all encodings that are offered, repairs of them included. Without it
// the client is answered that it is to send one.
func (o *offer) takeSimulcast() {
	for i := range o.media {
		m := &o.media[i]
		if m.layers = m.rids; m.layers != nil && m.rtx == 0 && m.ids.repairedRID != 0 {
			m.rtx = m.ridRTX
		}
	}
}

// layer gives which encoding of a section a packet belongs to that nobody knows yet, by what its header says, or
// by what the offer says of its SSRC; nil if neither does.
func (u *upstream) layer(t *uptrack, ssrc uint32) *uptrack {
	id := t.m.ids.rid
	if u.header.PayloadType != t.m.format.pt {
		id = t.m.ids.repairedRID
	}
	rid := []byte(nil)
	if id != 0 {
		rid = u.header.GetExtension(id)
	}
	of, repairs := t.m.repairs[ssrc]
	for ; t != nil; t = t.next {
		if len(rid) > 0 && string(rid) == t.rid || len(rid) == 0 && repairs && t.sink != nil && of == t.ssrc {
			return t
		}
	}
	return nil
}
