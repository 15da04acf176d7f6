package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// signed is a request and how it is spoilt: before it is signed by the SDK's signer, or after.
type signed struct {
	key, secret, token string
	service, region    string
	at                 time.Time
	presign            bool
	expires            string
	sent               string // the body that goes out, if it is not the one that was signed
	after              func(*http.Request)
}

// TestRequestsThatAreNotSignedRightAreRefusedByAWSsNames goes through the listener, to an operation of each
// service and to a tag route.
func TestRequestsThatAreNotSignedRightAreRefusedByAWSsNames(t *testing.T) {
	e := enginetest.Start(t)
	const (
		invalid    = "InvalidSignatureException"
		incomplete = "IncompleteSignatureException"
		unknown    = "UnrecognizedClientException"
		missing    = "MissingAuthenticationTokenException"
	)
	authorization := func(change func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
	}
	cases := []struct {
		name string
		s    signed
		want string // the exception's name; empty: let in
	}{
		{"good", signed{}, ""},
		{"wrong secret", signed{secret: "wrong"}, invalid},
		{"tampered body", signed{sent: `{"maxResults":7}`}, invalid},
		{"old date", signed{at: time.Now().Add(-6 * time.Minute)}, invalid},
		{"future date", signed{at: time.Now().Add(6 * time.Minute)}, invalid},
		{"wrong region", signed{region: "eu-west-1"}, invalid},
		{"wrong service", signed{service: "s3"}, invalid},
		{"missing header", signed{after: func(r *http.Request) { r.Header.Del("X-Note") }}, invalid},
		{"changed header", signed{after: func(r *http.Request) { r.Header.Set("X-Note", "other") }}, invalid},
		{"missing date", signed{after: func(r *http.Request) { r.Header.Del("X-Amz-Date") }}, incomplete},
		{"unsigned host", signed{after: authorization(func(a string) string { return strings.Replace(a, "host;", "", 1) })}, invalid},
		{"header that was not signed", signed{after: func(r *http.Request) { r.Header.Set("X-Other", "1") }}, ""},
		{"presigned", signed{presign: true}, ""},
		{"presigned, expired", signed{presign: true, at: time.Now().Add(-2 * time.Minute)}, invalid},
		{"presigned, tampered", signed{presign: true, after: func(r *http.Request) { r.URL.RawQuery += "&x=1" }}, invalid},
		{"presigned, longer life", signed{presign: true, at: time.Now().Add(-2 * time.Minute), after: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=6000", 1)
		}}, invalid},
		{"presigned for ever", signed{presign: true, expires: "99999999"}, incomplete},
		{"unknown key", signed{key: "AKIANOBODY0000000000"}, unknown},
		{"session token", signed{token: "session"}, unknown},
		{"no Authorization", signed{after: func(r *http.Request) { r.Header.Del("Authorization") }}, missing},
		{"garbage Authorization", signed{after: authorization(func(string) string { return "AWS4-HMAC-SHA256  ,,=;" })}, incomplete},
		{"another scheme", signed{after: authorization(func(string) string { return "Bearer " + e.Secret })}, incomplete},
		{"cut Authorization", signed{after: authorization(func(a string) string { return a[:len(a)/2] })}, incomplete},
	}
	for _, door := range []struct{ name, method, target, body, service string }{
		{"ivs", "POST", "/ListChannels", `{}`, "ivs"},
		{"ivs-realtime", "POST", "/ListStages", `{}`, "ivs"},
		{"ivschat", "POST", "/ListRooms", `{}`, "ivschat"},
		{"tags", "GET", "/tags/arn%3Aaws%3Aivs%3Aus-east-1%3A000000000000%3Achannel%2FAAAAAAAAAAAA", ``, "ivs"},
	} {
		for _, c := range cases {
			if c.s.sent != "" && door.method == "GET" {
				continue
			}
			t.Run(door.name+", "+c.name, func(t *testing.T) {
				s := c.s
				if s.service == "" {
					s.service = door.service
				}
				status, name, body := s.send(t, e, door.method, e.URL+door.target, door.body)
				if c.want == "" {
					if status == 403 || name == missing {
						t.Errorf("got %d %s %s", status, name, body)
					}
					return
				}
				var message struct{ Message string }
				if err := json.Unmarshal([]byte(body), &message); err != nil || message.Message == "" {
					t.Errorf("body %s", body)
				}
				if status != 403 || name != c.want || strings.Contains(body, e.Secret) {
					t.Errorf("got %d %s %s, want 403 %s", status, name, body, c.want)
				}
			})
		}
	}
	if strings.Contains(e.Log(), e.Secret) {
		t.Error("the log holds the secret")
	}
}

// send signs a request, spoils it, and gives status, exception and body of the answer.
func (s signed) send(t *testing.T, e *enginetest.Engine, method, url, body string) (status int, name, text string) {
	t.Helper()
	if s.key == "" {
		s.key = e.AccessKeyID
	}
	if s.secret == "" {
		s.secret = e.Secret
	}
	if s.region == "" {
		s.region = e.Region
	}
	if s.at.IsZero() {
		s.at = time.Now()
	}
	if s.expires == "" {
		s.expires = "60"
	}
	if s.presign {
		url += "?X-Amz-Expires=" + s.expires
	}
	make := func(url, body string) *http.Request {
		r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := make(url, body)
	sum := sha256.Sum256([]byte(body))
	hash, cred := hex.EncodeToString(sum[:]), aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}
	if s.presign {
		signedURL, _, err := v4.NewSigner().PresignHTTP(t.Context(), cred, r, hash, s.service, s.region, s.at)
		if err != nil {
			t.Fatal(err)
		}
		r = make(signedURL, body)
	} else {
		r.Header.Set("X-Note", "one")
		if err := v4.NewSigner().SignHTTP(t.Context(), cred, r, hash, s.service, s.region, s.at); err != nil {
			t.Fatal(err)
		}
	}
	if s.sent != "" {
		header := r.Header
		r = make(r.URL.String(), s.sent)
		r.Header = header
	}
	if s.after != nil {
		s.after(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("x-amzn-ErrorType"), string(b)
}
