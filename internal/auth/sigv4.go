package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	amzTime    = "20060102T150405Z"

	maxSkew       = 5 * time.Minute
	maxSigningKey = 1024 // cached signing keys; at the limit the cache starts anew
)

// Names of refusals, as the AWS gateways in front of REST-JSON services use them.
const (
	MissingAuthenticationToken = "MissingAuthenticationTokenException"
	IncompleteSignature        = "IncompleteSignatureException"
	InvalidSignature           = "InvalidSignatureException"
	UnrecognizedClient         = "UnrecognizedClientException"
)

// Refusal says why a request was not let in. Its name is AWS's error name, its status always 403, and
// its message may be shown to the caller.
type Refusal struct {
	Name    string
	Message string
}

// Error joins name and message.
func (r *Refusal) Error() string { return r.Name + ": " + r.Message }

func refuse(name, format string, args ...any) *Refusal {
	return &Refusal{name, fmt.Sprintf(format, args...)}
}

var unknownKey = refuse(UnrecognizedClient, "the access key of this request is not known to this server")

// Secrets finds the secret of an access key. An unknown key is a fault.NotFound; any other error means
// that the question could not be answered.
type Secrets interface {
	Secret(ctx context.Context, accessKeyID string) (secret string, p Principal, err error)
}

// SigV4 verifies requests signed by AWS Signature Version 4, in the Authorization header or in the
// query (presigned). Session credentials are refused: this server issues none. It is safe for
// concurrent use; its fields must not change after the first Verify.
type SigV4 struct {
	Region   string           // the only region that a credential scope may name
	Services []string         // the signing names that a credential scope may name
	Secrets  Secrets          // where secrets come from
	Now      func() time.Time // nil means time.Now

	// Used is told of each request that was found good, by its key. It must not wait. It may be nil.
	Used func(accessKeyID string)

	mu   sync.Mutex
	keys map[signingScope][]byte // derived signing keys: four HMACs saved per request
}

// signingScope is what a signing key depends on. The secret is part of it, so that a key id that came
// back with another secret never meets the old one's signing key.
type signingScope struct{ secret, date, region, service string }

// Verify checks the signature of r over body and says who sent it. It reads nothing but headers, method
// and URL: the path as it came over the wire, still escaped, because the signature is over that form.
// The error is a *Refusal, unless the secret could not be looked up.
func (v *SigV4) Verify(r *http.Request, body []byte) (Principal, error) {
	s, err := parseSignature(r)
	if err != nil {
		return Principal{}, err
	}
	if err := v.checkScope(s); err != nil {
		return Principal{}, err
	}
	if err := v.checkTime(s); err != nil {
		return Principal{}, err
	}
	if err := checkSignedHeaders(r, s); err != nil {
		return Principal{}, err
	}
	payload := hexSum(body)
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); claimed != "" && claimed != string(payload[:]) {
		return Principal{}, refuse(InvalidSignature, "the x-amz-content-sha256 header is not the hash of the body; unsigned and chunk-signed payloads are not accepted")
	}
	if !isKeyID(s.accessKey) {
		return Principal{}, unknownKey // nobody need be asked about what is no id
	}
	secret, who, err := v.Secrets.Secret(r.Context(), s.accessKey)
	switch {
	case err != nil && fault.Of(err) == fault.NotFound:
		return Principal{}, unknownKey
	case err != nil:
		return Principal{}, fmt.Errorf("look up access key: %w", err)
	}

	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b, err := appendCanonicalRequest((*buf)[:0], r, s, payload[:], len(body))
	if err != nil {
		return Principal{}, err
	}
	request := hexSum(b)
	b = b[:0]
	b = append(b, algorithm+"\n"...)
	b = append(b, s.time...)
	b = append(b, '\n')
	b = append(append(b, s.scope...), '\n')
	b = append(b, request[:]...)
	h := hmac.New(sha256.New, v.signingKey(secret, s))
	h.Write(b)
	b = h.Sum(b[:0])
	*buf = b

	var want [2 * sha256.Size]byte
	hex.Encode(want[:], b)
	if subtle.ConstantTimeCompare(want[:], []byte(s.signature)) != 1 {
		return Principal{}, refuse(InvalidSignature, "the signature of this request is not the one that its access key gives: check the secret access key and the signing method")
	}
	if v.Used != nil {
		v.Used(who.AccessKeyID)
	}
	return who, nil
}

// isKeyID tells what may be the id of an access key: at most 128 letters, digits and underscores.
func isKeyID(id string) bool {
	return len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool {
		return !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_')
	}) < 0
}

// checkScope wants the credential scope to be of this region, one of these services and the day of the
// request.
func (v *SigV4) checkScope(s *signature) error {
	switch {
	case s.terminator != terminator:
		return refuse(InvalidSignature, "the credential scope must end in %q", terminator)
	case s.region != v.Region:
		return refuse(InvalidSignature, "the credential is scoped to region %q, this server's region is %q", clip(s.region), v.Region)
	case !slices.Contains(v.Services, s.service):
		return refuse(InvalidSignature, "the credential is scoped to service %q, this server's services are %s", clip(s.service), strings.Join(v.Services, ", "))
	case !strings.HasPrefix(s.time, s.date) || len(s.date) != 8:
		return refuse(InvalidSignature, "the date in the credential scope is not the date of the request")
	}
	return nil
}

// checkTime wants the request to be of now, within five minutes, or within a presigned lifetime.
func (v *SigV4) checkTime(s *signature) error {
	at, err := time.Parse(amzTime, s.time)
	if err != nil {
		return refuse(IncompleteSignature, "the date of the request must have the form YYYYMMDD'T'HHMMSS'Z'")
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	t := now().UTC()
	end := at.Add(maxSkew)
	if s.presigned {
		end = at.Add(s.lifetime)
	}
	switch {
	case t.After(end):
		return refuse(InvalidSignature, "signature expired: the request is of %s, it was accepted until %s, now it is %s", s.time, end.Format(amzTime), t.Format(amzTime))
	case at.After(t.Add(maxSkew)):
		return refuse(InvalidSignature, "signature not yet current: the request is of %s, now it is %s", s.time, t.Format(amzTime))
	}
	return nil
}

// signingKey derives the key for one day, region and service, or takes it from the cache.
func (v *SigV4) signingKey(secret string, s *signature) []byte {
	scope := signingScope{secret, s.date, s.region, s.service}
	v.mu.Lock()
	defer v.mu.Unlock()
	if key, ok := v.keys[scope]; ok {
		return key
	}
	if v.keys == nil || len(v.keys) >= maxSigningKey {
		v.keys = map[signingScope][]byte{}
	}
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, terminator} {
		key = mac(key, []byte(part))
	}
	// The scope's strings point into the request's headers: the cache keeps copies.
	v.keys[signingScope{strings.Clone(secret), strings.Clone(s.date), strings.Clone(s.region), strings.Clone(s.service)}] = key
	return key
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}

func hexSum(b []byte) (out [2 * sha256.Size]byte) {
	sum := sha256.Sum256(b)
	hex.Encode(out[:], sum[:])
	return out
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}
