package rtc

import (
	"strconv"
	"strings"

	"github.com/streamcat/streamcat/internal/fault"
)

// chooseFormat takes the best format of a section that we forward: H.264 or Opus, whatever else comes
// first. Its error is a *Refusal.
func (m *offered) chooseFormat(s *section) error {
	maps, params := map[uint8]string{}, map[uint8]string{}
	for _, a := range s.attributes {
		if a.key != "rtpmap" && a.key != "fmtp" {
			continue
		}
		number, v, ok := strings.Cut(a.value, " ")
		pt, err := strconv.ParseUint(number, 10, 7)
		if err != nil || !ok {
			return malformed("an %s is not valid", a.key)
		}
		if a.key == "rtpmap" {
			maps[uint8(pt)] = strings.TrimSpace(v)
		} else {
			params[uint8(pt)] = strings.TrimSpace(v)
		}
	}
	best := format{rank: -1}
	for i, text := range s.formats { // in the order of the client's preference
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			return malformed("a payload type is not a number from 0 to 127")
		}
		f := format{pt: uint8(n), rtpmap: maps[uint8(n)], fmtp: params[uint8(n)]}
		if !f.judge(m.kind) {
			continue
		}
		if f.rank = f.rank*256 + i; best.rank < 0 || f.rank < best.rank {
			best = f
		}
	}
	if best.rank < 0 {
		want := "H.264 (constrained baseline, baseline, main or high profile)"
		if m.kind == Audio {
			want = "Opus"
		}
		return Refuse(422, codeCodec, fault.InvalidInput("the %s section offers no %s", m.kind, want))
	}
	m.format = best
	for pt, v := range maps {
		if strings.EqualFold(v, "rtx/"+strconv.Itoa(int(best.clock))) && formatParam(params[pt], "apt") == strconv.Itoa(int(best.pt)) && (m.rtx == 0 || pt < m.rtx) {
			m.rtx = pt
		}
	}
	return nil
}

// judge says whether a format may be used, and sets its clock and its rank.
func (f *format) judge(k Kind) bool {
	if f.pt < 35 || f.pt >= 64 && f.pt < 96 {
		return false // static numbers, and those that rtcp-mux would take for RTCP (RFC 5761 §4)
	}
	name := strings.ToLower(f.rtpmap)
	if k == Audio {
		f.clock = 48000
		return name == "opus/48000/2"
	}
	f.clock = 90000
	if name != "h264/90000" {
		return false
	}
	switch profile := strings.ToLower(formatParam(f.fmtp, "profile-level-id")); {
	case profile == "": // baseline, level 1 (RFC 6184 §8.1)
		f.rank = 2
	case len(profile) != 6:
		return false
	case strings.HasPrefix(profile, "42"):
		bits, err := strconv.ParseUint(profile[2:4], 16, 8)
		if err != nil {
			return false
		}
		if f.rank = 1; bits&0x40 != 0 { // constraint_set1_flag: constrained baseline
			f.rank = 0
		}
	case strings.HasPrefix(profile, "4d"):
		f.rank = 2
	case strings.HasPrefix(profile, "64"):
		f.rank = 3
	default:
		return false
	}
	switch formatParam(f.fmtp, "packetization-mode") {
	case "1":
	case "", "0":
		f.rank += 4
	default:
		return false // interleaved
	}
	return true
}

// formatParam gives one parameter of an fmtp such as "minptime=10;useinbandfec=1".
func formatParam(fmtp, name string) string {
	for part := range strings.SplitSeq(fmtp, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
