package auth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxAuthorization = 4096
	maxLifetime      = 7 * 24 * time.Hour // of a presigned URL
)

// signature is what a request says about its own signature, before any of it is believed.
type signature struct {
	accessKey                         string
	scope                             string // date/region/service/aws4_request, as it came
	date, region, service, terminator string
	headers                           []string // signed header names: lower case, sorted
	signature                         string   // lower-case hexadecimal
	time                              string   // of the request, in basic ISO 8601
	presigned                         bool
	lifetime                          time.Duration // of a presigned URL
}

// parseSignature reads the Authorization header, or the X-Amz-* query members of a presigned URL.
func parseSignature(r *http.Request) (*signature, error) {
	lines := r.Header["Authorization"]
	var query url.Values
	if strings.Contains(r.URL.RawQuery, "X-Amz-") {
		query = r.URL.Query()
	}
	presigned := query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature")
	switch {
	case len(lines) == 0 && !presigned:
		return nil, refuse(MissingAuthenticationToken, "the request is not signed")
	case len(lines) > 1 || len(lines) == 1 && presigned:
		return nil, refuse(IncompleteSignature, "the request is signed more than once")
	case r.Header.Get("X-Amz-Security-Token") != "" || query.Has("X-Amz-Security-Token"):
		return nil, refuse(UnrecognizedClient, "this server issues no session credentials: sign with an access key and its secret, without a security token")
	case presigned:
		return parseQuery(query)
	}
	return parseHeader(r, lines[0])
}

// parseHeader reads: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
func parseHeader(r *http.Request, line string) (*signature, error) {
	if len(line) > maxAuthorization {
		return nil, refuse(IncompleteSignature, "the Authorization header is longer than %d bytes", maxAuthorization)
	}
	method, rest, _ := strings.Cut(line, " ")
	if method != algorithm {
		return nil, refuse(IncompleteSignature, "the Authorization header must begin with %s", algorithm)
	}
	var credential, headers, sign string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		var to *string
		switch name {
		case "Credential":
			to = &credential
		case "SignedHeaders":
			to = &headers
		case "Signature":
			to = &sign
		}
		if !ok || to == nil || *to != "" {
			return nil, refuse(IncompleteSignature, "the Authorization header must hold Credential, SignedHeaders and Signature once each, and nothing else")
		}
		*to = value
	}
	dates := r.Header["X-Amz-Date"]
	if len(dates) != 1 {
		return nil, refuse(IncompleteSignature, "the request must carry one x-amz-date header")
	}
	return newSignature(credential, headers, sign, dates[0])
}

// parseQuery reads a presigned URL.
func parseQuery(q url.Values) (*signature, error) {
	names := [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"}
	for _, name := range names {
		if len(q[name]) != 1 {
			return nil, refuse(IncompleteSignature, "a presigned URL must hold %s once each", strings.Join(names[:], ", "))
		}
	}
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, refuse(IncompleteSignature, "the signing algorithm must be %s", algorithm)
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	lifetime := time.Duration(seconds) * time.Second
	if err != nil || seconds < 1 || seconds > int(maxLifetime/time.Second) {
		return nil, refuse(IncompleteSignature, "X-Amz-Expires must be 1 to %d seconds", int(maxLifetime/time.Second))
	}
	s, err := newSignature(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	s.presigned, s.lifetime = true, lifetime
	return s, nil
}

func newSignature(credential, headers, sign, at string) (*signature, error) {
	key, scope, _ := strings.Cut(credential, "/")
	date, rest, _ := strings.Cut(scope, "/")
	region, rest, _ := strings.Cut(rest, "/")
	service, end, ok := strings.Cut(rest, "/")
	if key == "" || !ok || strings.Contains(end, "/") {
		return nil, refuse(IncompleteSignature, "the credential must have the form <access key id>/YYYYMMDD/region/service/%s", terminator)
	}
	s := &signature{
		accessKey: key, scope: scope,
		date: date, region: region, service: service, terminator: end,
		headers: strings.Split(headers, ";"), signature: sign, time: at,
	}
	for i, name := range s.headers {
		if name == "" || name != strings.ToLower(name) || i > 0 && s.headers[i-1] >= name {
			return nil, refuse(IncompleteSignature, "SignedHeaders must be a sorted list of lower-case header names, separated by semicolons")
		}
	}
	if len(sign) != 64 || strings.Trim(sign, "0123456789abcdef") != "" {
		return nil, refuse(IncompleteSignature, "the signature must be 64 lower-case hexadecimal digits")
	}
	return s, nil
}

// checkSignedHeaders wants the host and the date under the signature, or a captured request could be
// sent again elsewhere or later, and wants every header named there to be present.
func checkSignedHeaders(r *http.Request, s *signature) error {
	if !slices.Contains(s.headers, "host") {
		return refuse(InvalidSignature, "the host header must be signed")
	}
	if !s.presigned && !slices.Contains(s.headers, "x-amz-date") {
		return refuse(InvalidSignature, "the x-amz-date header must be signed")
	}
	for _, name := range s.headers {
		if name == "host" || name == "content-length" {
			continue
		}
		if _, ok := r.Header[http.CanonicalHeaderKey(name)]; !ok {
			return refuse(InvalidSignature, "the signed header %q is not in the request", clip(name))
		}
	}
	return nil
}
