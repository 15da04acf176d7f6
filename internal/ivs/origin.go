package ivs

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	originForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://(.+?)(?::([0-9]{1,5}))?$`)
	hostForm   = regexp.MustCompile(`^[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?)*$`)
)

// isOrigin tells whether a browser could send this as the Origin of a request (RFC 6454 §7): a scheme, a
// host and perhaps a port, or "null". In place of a host's first labels there may be a star, which stands
// for any.
func isOrigin(s string) bool {
	if s == "null" {
		return true
	}
	m := originForm.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	if m[2] != "" {
		if port, err := strconv.ParseUint(m[2], 10, 16); err != nil || port == 0 {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(m[1], "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && strings.HasSuffix(inner, "]") && ip.Is6() && ip.Zone() == ""
	}
	return hostForm.MatchString(strings.TrimPrefix(m[1], "*."))
}
