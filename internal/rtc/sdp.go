package rtc

import (
	"strconv"
	"strings"

	"github.com/streamcat/streamcat/internal/fault"
)

// Bounds of what a client may describe. A browser's offer for one camera has some 200 lines, one of as many
// sections as there may be some 3,000.
const (
	maxSections   = 2 * MaxSlots
	maxLines      = 4096
	maxLineLength = 4096
	maxCandidates = 256
)

// Codes of refusals that the doors themselves make.
const (
	codeMalformed   = "SDP_MALFORMED"
	codeUnsupported = "OFFER_UNSUPPORTED"
	codeCodec       = "CODEC_MISMATCH"
)

func malformed(format string, args ...any) *Refusal {
	return Refuse(400, codeMalformed, fault.InvalidInput(format, args...))
}

func unsupported(format string, args ...any) *Refusal {
	return Refuse(422, codeUnsupported, fault.InvalidInput(format, args...))
}

// attribute is one a= line: "key" or "key:value".
type attribute struct{ key, value string }

// section is an m= line with what belongs to it. The session part of a description is a section without
// a kind.
type section struct {
	kind       string // "audio", "video", "application"
	port       int
	proto      string
	formats    []string
	attributes []attribute
}

func (s *section) get(key string) (string, bool) {
	for _, a := range s.attributes {
		if a.key == key {
			return a.value, true
		}
	}
	return "", false
}

func (s *section) has(key string) bool {
	_, ok := s.get(key)
	return ok
}

// description is an SDP text, or a fragment of one, taken apart line by line. It means nothing yet.
type description struct {
	session  section
	sections []section
}

// parseDescription takes an SDP apart (RFC 8866 §5): lines, m-sections and attributes, all bounded in
// number and length. A fragment (RFC 8840) has only a= and m= lines. Its error is a *Refusal, which
// repeats nothing of the text: an offer may hold a password.
func parseDescription(text string, fragment bool) (*description, error) {
	d := &description{}
	at := &d.session
	lines, candidates := 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if lines++; lines > maxLines {
			return nil, malformed("the description has more than %d lines", maxLines)
		}
		if line == "" {
			continue // some clients end with an empty line
		}
		if len(line) > maxLineLength {
			return nil, malformed("line %d is longer than %d bytes", lines, maxLineLength)
		}
		if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' || strings.ContainsAny(line, "\x00\r") {
			return nil, malformed("line %d is not of the form x=…", lines)
		}
		if !fragment && lines == 1 && line != "v=0" {
			return nil, malformed("the description does not begin with v=0")
		}
		switch value := line[2:]; line[0] {
		case 'm':
			if len(d.sections) == maxSections {
				return nil, unsupported("the description has more than %d media sections", maxSections)
			}
			s, ok := parseMediaLine(value)
			if !ok {
				return nil, malformed("line %d is not a valid media line", lines)
			}
			d.sections = append(d.sections, s)
			at = &d.sections[len(d.sections)-1]
		case 'a':
			key, v, _ := strings.Cut(value, ":")
			if key == "" {
				return nil, malformed("line %d is an attribute without a name", lines)
			}
			if key == "candidate" {
				// What clients name as candidates is of no use to an ICE-lite server: they come to us. So
				// these are judged and forgotten.
				if candidates++; candidates > maxCandidates {
					return nil, malformed("more than %d candidates", maxCandidates)
				}
				if !candidateForm(v) {
					return nil, malformed("line %d is not a valid candidate", lines)
				}
				continue
			}
			at.attributes = append(at.attributes, attribute{key, v})
		default:
			if fragment {
				return nil, malformed("line %d does not belong into a fragment", lines)
			}
		}
	}
	if lines == 0 {
		return nil, malformed("the description is empty")
	}
	return d, nil
}

// parseMediaLine reads "audio 9 UDP/TLS/RTP/SAVPF 111 63" (RFC 8866 §5.14).
func parseMediaLine(v string) (section, bool) {
	f := strings.Fields(v)
	if len(f) < 4 || len(f)-3 > 128 {
		return section{}, false
	}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return section{}, false
	}
	return section{kind: f[0], port: int(n), proto: f[2], formats: f[3:]}, true
}

// candidateForm says whether v looks like the value of a candidate line (RFC 8839 §5.1): foundation,
// component, transport, priority, address, port, "typ" and a type. Names (mDNS) are addresses, too, and an
// empty value ends the candidates of Chromium's older wrappers.
func candidateForm(v string) bool {
	f := strings.Fields(v)
	if len(f) == 0 {
		return true
	}
	if len(f) < 8 || f[6] != "typ" || len(f[0]) > 32 {
		return false
	}
	for _, n := range []struct {
		text string
		bits int
	}{{f[1], 16}, {f[3], 32}, {f[5], 16}} {
		if _, err := strconv.ParseUint(n.text, 10, n.bits); err != nil {
			return false
		}
	}
	return true
}

// iceChars says whether v is made of ice-chars (RFC 8839 §5.4) and has from least to most of them.
func iceChars(v string, least, most int) bool {
	if len(v) < least || len(v) > most {
		return false
	}
	for _, c := range []byte(v) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}
