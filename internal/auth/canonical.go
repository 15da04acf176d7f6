package auth

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// appendCanonicalRequest appends the text whose hash is signed: method, path, query, signed headers and
// the payload's hash. It is written out here, and not left to the SDK's signer, because a signer decides
// itself which headers it signs, while a verifier must follow what the caller decided. length is the body's, for clients that sign a content-length which the HTTP layer
// has already taken out of the headers.
func appendCanonicalRequest(b []byte, r *http.Request, s *signature, payload []byte, length int) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendPath(b, r.URL)
	b = append(b, '\n')
	b, err := appendQuery(b, r.URL.RawQuery, s.presigned)
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	for _, name := range s.headers {
		b = append(b, name...)
		b = append(b, ':')
		switch values := r.Header[http.CanonicalHeaderKey(name)]; {
		case name == "host":
			host := r.Host
			if host == "" {
				host = r.URL.Host
			}
			b = append(b, host...)
		case name == "content-length" && len(values) == 0:
			b = strconv.AppendInt(b, int64(length), 10)
		default:
			for i, value := range values {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendHeaderValue(b, value)
			}
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range s.headers {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payload...), nil
}

// appendPath escapes the already escaped path once more, as all AWS services but S3 want it: a %3A on
// the wire is signed as %253A.
func appendPath(b []byte, u *url.URL) []byte {
	path := u.EscapedPath()
	if path == "" {
		return append(b, '/')
	}
	for i := range len(path) {
		if path[i] == '/' {
			b = append(b, '/')
		} else {
			b = appendEscaped(b, path[i])
		}
	}
	return b
}

// appendQuery writes the members of the query sorted by name, then value, each escaped anew. The
// signature of a presigned URL is no part of what it signs.
func appendQuery(b []byte, raw string, presigned bool) ([]byte, error) {
	if raw == "" {
		return b, nil
	}
	type member struct{ name, value string }
	var members []member
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, refuse(IncompleteSignature, "the query string is not well formed")
		}
		if !presigned || name != "X-Amz-Signature" {
			members = append(members, member{escape(name), escape(value)})
		}
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	for i, m := range members {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, m.name...), '='), m.value...)
	}
	return b, nil
}

func escape(s string) string {
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		b = appendEscaped(b, s[i])
	}
	return string(b)
}

func appendEscaped(b []byte, c byte) []byte {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
		return append(b, c)
	}
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// appendHeaderValue drops spaces at both ends and joins runs of them inside.
func appendHeaderValue(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if value[i] == ' ' && i > 0 && value[i-1] == ' ' {
			continue
		}
		b = append(b, value[i])
	}
	return b
}
