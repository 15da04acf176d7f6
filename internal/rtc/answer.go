package rtc

import (
	"fmt"
	"net/netip"
	"strings"
)

// Candidate is an address at which clients reach the server's media port.
type Candidate struct {
	IP netip.Addr
	// UDP and TCP are port numbers; 0 leaves that transport out.
	UDP, TCP uint16
}

// answer is what a description of our side is written from.
type answer struct {
	session     uint64 // sess-id
	ufrag, pwd  string
	setup       string // "active" or "passive"
	fingerprint string // "sha-256 AB:…"
	candidates  []Candidate
	publishing  bool // the client sends
	senders     []*sender
}

// write makes the SDP answer to o. All candidates are in every m-section, since some clients do not
// look for them elsewhere; the list is complete and says so.
func (a *answer) write(o *offer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", a.session)
	if len(o.bundle) > 0 {
		fmt.Fprintf(&b, "a=group:BUNDLE %s\r\n", strings.Join(o.mids(), " "))
	}
	b.WriteString("a=ice-lite\r\na=ice-options:ice2\r\n")
	if o.mixed {
		b.WriteString("a=extmap-allow-mixed\r\n")
	}
	b.WriteString("a=msid-semantic: WMS *\r\n")
	for i := range o.media {
		a.section(&b, &o.media[i])
	}
	return b.String()
}

func (a *answer) section(b *strings.Builder, m *offered) {
	if m.rejected {
		fmt.Fprintf(b, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", m.raw.kind, m.raw.proto, m.raw.format)
		if m.mid != "" {
			fmt.Fprintf(b, "a=mid:%s\r\n", m.mid)
		}
		b.WriteString("a=inactive\r\n")
		return
	}
	s := a.sender(m)
	repair := m.rtx != 0 && (a.publishing || s != nil && s.rtx != 0)
	fmt.Fprintf(b, "m=%s 9 %s %d", m.kind, m.raw.proto, m.format.pt)
	if repair {
		fmt.Fprintf(b, " %d", m.rtx)
	}
	b.WriteString("\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n")
	if m.mid != "" {
		fmt.Fprintf(b, "a=mid:%s\r\n", m.mid)
	}
	writeCredentials(b, a.ufrag, a.pwd)
	fmt.Fprintf(b, "a=fingerprint:%s\r\na=setup:%s\r\na=rtcp-mux\r\n", a.fingerprint, a.setup)
	if m.rsize {
		b.WriteString("a=rtcp-rsize\r\n")
	}
	fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", m.format.pt, m.format.rtpmap)
	if fmtp := answerable(m.format.fmtp); fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", m.format.pt, fmtp)
	}
	for _, f := range m.feedback {
		if a.takes(f, m) {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", m.format.pt, f)
		}
	}
	if repair {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/%d\r\na=fmtp:%d apt=%d\r\n", m.rtx, m.format.clock, m.rtx, m.format.pt)
	}
	if id := m.ids.audioLevel; id != 0 {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", id, uriAudioLevel)
	}
	if a.publishing {
		if id := m.ids.transportCC; id != 0 {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", id, uriTransportCC)
		}
		if len(m.layers) > 0 {
			writeSimulcast(b, m)
		}
		b.WriteString("a=recvonly\r\n")
	} else {
		if m.measured() {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", m.ids.transportCC, uriTransportCC)
		}
		b.WriteString("a=sendonly\r\n")
		if s != nil {
			fmt.Fprintf(b, "a=msid:%s %s\r\n", s.stream, m.kind)
			s.writeSource(b, s.ssrc)
			if s.rtx != 0 {
				s.writeSource(b, s.rtxSSRC)
				fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", s.ssrc, s.rtxSSRC)
			}
		}
	}
	writeCandidates(b, a.candidates)
}

func (t *sender) writeSource(b *strings.Builder, ssrc uint32) {
	fmt.Fprintf(b, "a=ssrc:%d cname:streamcat\r\na=ssrc:%d msid:%s %s\r\n", ssrc, ssrc, t.stream, t.kind)
}

// sender gives the one of a section; nil for a publisher's.
func (a *answer) sender(m *offered) *sender {
	for _, s := range a.senders {
		if s.m == m {
			return s
		}
	}
	return nil
}

// takes says whether a kind of feedback is of use: a subscriber's own estimate only where it does not tell of
// each packet's arrival.
func (a *answer) takes(feedback string, m *offered) bool {
	switch feedback {
	case "transport-cc":
		return a.publishing || m.measured()
	case "goog-remb":
		return !a.publishing && m.kind == Video && !m.measured()
	}
	return true
}

// writeSimulcast says that all encodings are taken (RFC 8853 §5.3.2), with no wishes of ours.
func writeSimulcast(b *strings.Builder, m *offered) {
	fmt.Fprintf(b, "a=extmap:%d %s\r\n", m.ids.rid, uriRID)
	if id := m.ids.repairedRID; id != 0 && m.rtx != 0 {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", id, uriRepairedRID)
	}
	for _, rid := range m.layers {
		fmt.Fprintf(b, "a=rid:%s recv\r\n", rid)
	}
	fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(m.layers, ";"))
}

// answerable gives what of an fmtp may be said back: all but the sprop- parameters, in which a sender
// speaks of its own stream.
func answerable(fmtp string) string {
	var keep []string
	for part := range strings.SplitSeq(fmtp, ";") {
		if part = strings.TrimSpace(part); part != "" && !strings.HasPrefix(part, "sprop-") {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, ";")
}

func writeCredentials(b *strings.Builder, ufrag, pwd string) {
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd)
}

// writeCandidates writes host candidates (RFC 8839 §5.1, RFC 6544 §4.5), UDP before TCP.
func writeCandidates(b *strings.Builder, list []Candidate) {
	foundation := 0
	for i, c := range list {
		local := uint32(65535 - min(i, 1000))
		if c.UDP != 0 {
			foundation++
			fmt.Fprintf(b, "a=candidate:%d 1 udp %d %s %d typ host\r\n", foundation, 126<<24|local<<8|255, c.IP, c.UDP)
		}
	}
	for i, c := range list {
		local := uint32(4<<13 | 8191 - min(i, 1000)) // direction preference of a passive candidate (RFC 6544 §4.2)
		if c.TCP != 0 {
			foundation++
			fmt.Fprintf(b, "a=candidate:%d 1 tcp %d %s %d typ host tcptype passive\r\n", foundation, 90<<24|local<<8|255, c.IP, c.TCP)
		}
	}
	b.WriteString("a=end-of-candidates\r\n")
}
