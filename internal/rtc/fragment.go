package rtc

import "strings"

// fragment is what a PATCH of type application/trickle-ice-sdpfrag says (RFC 8840 §9, RFC 9725 §4.3): the
// credentials it belongs to. Its candidates have been judged and forgotten.
type fragment struct {
	ice iceRemote // zero when the fragment names none
}

// parseFragment reads a fragment. Credentials may stand before or in the first m-section, and the group
// line may be missing. Its error is a *Refusal.
func parseFragment(text string) (fragment, error) {
	d, err := parseDescription(text, true)
	if err != nil {
		return fragment{}, err
	}
	var f fragment
	at := []*section{&d.session}
	for i := range d.sections {
		at = append(at, &d.sections[i])
	}
	for _, s := range at {
		if f.ice.ufrag == "" {
			f.ice.ufrag, _ = s.get("ice-ufrag")
		}
		if f.ice.pwd == "" {
			f.ice.pwd, _ = s.get("ice-pwd")
		}
	}
	if f.ice != (iceRemote{}) {
		if r := f.ice.check(); r != nil {
			return fragment{}, malformed("the fragment has no valid ice-ufrag and ice-pwd")
		}
	}
	return f, nil
}

// restarted writes the answer to an ICE restart: our new credentials and all candidates.
func restarted(o *offer, ufrag, pwd string, candidates []Candidate) string {
	var b strings.Builder
	b.WriteString("a=ice-lite\r\n")
	if len(o.bundle) > 0 {
		b.WriteString("a=group:BUNDLE " + strings.Join(o.mids(), " ") + "\r\n")
	}
	for _, m := range o.media {
		if m.rejected {
			continue
		}
		b.WriteString("m=" + m.raw.kind + " 9 " + m.raw.proto + " 0\r\n")
		if m.mid != "" {
			b.WriteString("a=mid:" + m.mid + "\r\n")
		}
		writeCredentials(&b, ufrag, pwd)
		writeCandidates(&b, candidates)
		break // those of the bundle go with its first section
	}
	return b.String()
}
