package auth

import (
	"errors"
	"net"
	"strings"
)

// ParseOrigins splits a list of origins with commas between them. The host of an origin may begin with an
// asterisk, and an asterisk alone is every origin. An empty list has none.
func ParseOrigins(list string) ([]string, error) {
	var patterns []string
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if _, ok := splitOrigin(item, true); !ok && item != "*" {
			return nil, errors.New("not an origin")
		}
		patterns = append(patterns, item)
	}
	return patterns, nil
}

// AllowsOrigin says whether the value of an Origin header matches one of the patterns.
func AllowsOrigin(patterns []string, header string) bool {
	o, ok := splitOrigin(header, false)
	for _, pattern := range patterns {
		if pattern == "*" {
			return header != ""
		}
		p, sound := splitOrigin(pattern, true)
		if !ok || !sound || p.scheme != o.scheme || p.port != o.port {
			continue
		}
		if suffix, wild := strings.CutPrefix(p.host, "*"); wild && len(o.host) > len(suffix) && strings.HasSuffix(o.host, suffix) || p.host == o.host {
			return true
		}
	}
	return false
}

type origin struct{ scheme, host, port string }

// splitOrigin reads an origin as browsers write it (RFC 6454 §6.2). The port that a scheme usually has is
// as good as none.
func splitOrigin(s string, wild bool) (o origin, ok bool) {
	scheme, host, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || scheme == "" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return o, false
	}
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return o, false
		}
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	name := host
	if wild {
		name = strings.TrimPrefix(name, "*")
	}
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		address, closed := strings.CutSuffix(inner, "]")
		return origin{scheme, host, port}, closed && net.ParseIP(address) != nil
	}
	if name == "" && !(wild && host == "*") || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return o, false
	}
	return origin{scheme, host, port}, true
}
