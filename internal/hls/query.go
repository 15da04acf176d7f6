package hls

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// directives are the delivery directives of a playlist request (rfc8216bis §6.2.5). Unknown ones, and
// _HLS_skip, which a full playlist answers, too, are ignored.
type directives struct {
	blocking bool
	msn      uint64
	part     int // -1: the whole segment
}

var errDirectives = errors.New("_HLS_msn and _HLS_part must be numbers, and _HLS_part needs _HLS_msn")

// parseDirectives reads a raw query without allocating for the usual ones. As with url.Values.Get, the
// first of several equal names counts.
func parseDirectives(query string) (directives, error) {
	d := directives{part: -1}
	var msn, part string
	var hasMSN, hasPart bool
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, ok := splitPair(pair)
		if !ok {
			continue
		}
		switch {
		case name == "_HLS_msn" && !hasMSN:
			msn, hasMSN = value, true
		case name == "_HLS_part" && !hasPart:
			part, hasPart = value, true
		}
	}
	if !hasMSN {
		if hasPart {
			return d, errDirectives
		}
		return d, nil
	}
	var err error
	if d.msn, err = strconv.ParseUint(msn, 10, 63); err != nil {
		return d, errDirectives
	}
	d.blocking = true
	if hasPart {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return d, errDirectives
		}
		d.part = int(n)
	}
	return d, nil
}

// splitPair splits name=value as url.ParseQuery does; it is not ok where that would report an error.
func splitPair(pair string) (name, value string, ok bool) {
	if pair == "" || strings.Contains(pair, ";") {
		return "", "", false
	}
	name, value, _ = strings.Cut(pair, "=")
	if strings.ContainsAny(pair, "%+") {
		var err, err2 error
		name, err = url.QueryUnescape(name)
		value, err2 = url.QueryUnescape(value)
		if err != nil || err2 != nil {
			return "", "", false
		}
	}
	return name, value, true
}

// carryQuery appends to address the parameters of query that are not for us, unless it has its own.
func carryQuery(address, query string) string {
	if query == "" || strings.Contains(address, "?") {
		return address
	}
	sep := "?"
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if name, _, ok := splitPair(pair); ok && !strings.HasPrefix(name, "_HLS_") {
			address += sep + pair
			sep = "&"
		}
	}
	return address
}
