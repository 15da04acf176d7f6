package auth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	keyID  = "AKIASTREAMCATEXAMPLE"
	secret = "example/secret+of/no/worth/0123456789abc"
	region = "us-east-1"
)

var (
	clock = time.Date(2026, 11, 23, 7, 35, 0, 0, time.UTC)
	root  = auth.Principal{AccountID: "000000000000", AccessKeyID: keyID, Root: true}
)

type secrets map[string]string

func (s secrets) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	if id == "AKIABROKEN" {
		return "", auth.Principal{}, errors.New("the disk is gone")
	}
	if v, ok := s[id]; ok {
		return v, root, nil
	}
	return "", auth.Principal{}, fault.Missing("access key %s", id)
}

func verifier() *auth.SigV4 {
	return &auth.SigV4{
		Region: region, Services: []string{"ivs", "ivschat", "streamcat"},
		Secrets: secrets{keyID: secret}, Now: func() time.Time { return clock },
	}
}

// request is one that has gone over the wire: written by the client's half of net/http, read by the
// server's.
func request(t testing.TB, raw []byte) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

type signing struct {
	method, url, body     string
	header                http.Header
	key, secret, token    string
	service, region       string
	at                    time.Time
	presign               bool
	after                 func(*http.Request) // changes the signed request
	afterBody, payloadSum string
}

// sign makes a request signed by the AWS SDK for Go and sends it over the wire.
func sign(t testing.TB, s signing) (*http.Request, []byte) {
	t.Helper()
	or := func(a *string, b string) {
		if *a == "" {
			*a = b
		}
	}
	or(&s.method, "POST")
	or(&s.url, "http://127.0.0.1:8080/CreateStage")
	or(&s.key, keyID)
	or(&s.secret, secret)
	or(&s.service, "ivs")
	or(&s.region, region)
	if s.at.IsZero() {
		s.at = clock
	}
	r, err := http.NewRequest(s.method, s.url, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = s.header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	sum := sha256.Sum256([]byte(s.body))
	or(&s.payloadSum, hex.EncodeToString(sum[:]))
	cred := aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}
	if s.presign {
		u, _, err := v4.NewSigner().PresignHTTP(t.Context(), cred, r, s.payloadSum, s.service, s.region, s.at)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = http.NewRequest(s.method, u, strings.NewReader(s.body)); err != nil {
			t.Fatal(err)
		}
	} else if err := v4.NewSigner().SignHTTP(t.Context(), cred, r, s.payloadSum, s.service, s.region, s.at); err != nil {
		t.Fatal(err)
	}
	if s.after != nil {
		s.after(r)
	}
	if s.afterBody != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s.afterBody)), int64(len(s.afterBody))
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return request(t, wire.Bytes())
}

func TestRequestsOfTheRealCommandLineClientAreAccepted(t *testing.T) {
	files, err := filepath.Glob("testdata/aws-cli/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("captures: %v, %v", files, err)
	}
	v := verifier()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, body := request(t, raw)
			got, err := v.Verify(r, body)
			if err != nil {
				t.Fatal(err)
			}
			if got != root {
				t.Errorf("principal: got %+v, want %+v", got, root)
			}
			if _, err := v.Verify(r, append(body, ' ')); err == nil {
				t.Error("a changed body was accepted")
			}
		})
	}
}

func TestRequestsOfTheGoSDKAreAccepted(t *testing.T) {
	const tags = "http://localhost:8080/tags/arn%3Aaws%3Aivs%3Aus-east-1%3A000000000000%3Astage%2FAbCdEfGh1234"
	for _, c := range []struct {
		name string
		s    signing
	}{
		{"with a body", signing{body: `{"name":"a"}`, header: http.Header{"Content-Type": {"application/json"}}}},
		{"without a body", signing{}},
		{"for the chat service", signing{service: "ivschat"}},
		{"with an escaped ARN in the path", signing{method: "GET", url: tags}},
		{"with repeated and escaped query members", signing{method: "DELETE", url: tags + "?tagKeys=z&tagKeys=a%20b&tagKeys=c%2Fd&tagKeys=%C3%A9&tagKeys=&a-b=1&a=2"}},
		{"with spaces inside a signed header", signing{header: http.Header{"X-Amz-Note": {"  a   b "}, "X-Amz-Two": {"1", "2"}}}},
		{"with the hash of the body as a header", signing{body: "{}", header: http.Header{"X-Amz-Content-Sha256": {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}}},
		{"four minutes old", signing{at: clock.Add(-4 * time.Minute)}},
		{"four minutes ahead", signing{at: clock.Add(4 * time.Minute)}},
		{"presigned", signing{presign: true, url: "http://h:1/GetStage?X-Amz-Expires=60&b=2&a=1", body: `{"arn":"x"}`}},
		{"presigned an hour ago for a day", signing{presign: true, url: "http://h/GetStage?X-Amz-Expires=86400", at: clock.Add(-time.Hour)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := sign(t, c.s)
			got, err := verifier().Verify(r, body)
			if err != nil {
				t.Fatal(err)
			}
			if got != root {
				t.Errorf("principal: got %+v, want %+v", got, root)
			}
		})
	}
}

// A client that calls the handler in its own process leaves the request as a client's: no Host, no
// Content-Length header.
func TestInProcessRequestIsAccepted(t *testing.T) {
	const body = `{"name":"a"}`
	r, err := http.NewRequest("POST", "http://in.process/CreateStage", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), "ivs", region, clock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier().Verify(r, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	edit := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			line := r.Header.Get("Authorization")
			if !strings.Contains(line, old) {
				t.Fatalf("%q is not in %q", old, line)
			}
			r.Header.Set("Authorization", strings.Replace(line, old, new, 1))
		}
	}
	for _, c := range []struct {
		name string
		s    signing
		want string // error name
		says string // in the message
	}{
		{"not signed at all", signing{after: func(r *http.Request) { r.Header.Del("Authorization") }}, auth.MissingAuthenticationToken, "not signed"},
		{"another scheme", signing{after: func(r *http.Request) { r.Header.Set("Authorization", "Bearer abc") }}, auth.IncompleteSignature, "AWS4-HMAC-SHA256"},
		{"two Authorization headers", signing{after: func(r *http.Request) { r.Header.Add("Authorization", "x") }}, auth.IncompleteSignature, "more than once"},
		{"header and query at once", signing{presign: true, url: "http://h/A?X-Amz-Expires=60", after: func(r *http.Request) { r.Header.Set("Authorization", "x") }}, auth.IncompleteSignature, "more than once"},
		{"no signature part", signing{after: func(r *http.Request) {
			line, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
			r.Header.Set("Authorization", line)
		}}, auth.IncompleteSignature, "hexadecimal"},
		{"a part twice", signing{after: edit("Signature=", "SignedHeaders=host, Signature=")}, auth.IncompleteSignature, "once each"},
		{"an unknown part", signing{after: edit("Signature=", "Colour=red, Signature=")}, auth.IncompleteSignature, "nothing else"},
		{"endless Authorization", signing{after: edit("Signature=", strings.Repeat(" ", 5000)+"Signature=")}, auth.IncompleteSignature, "longer than"},
		{"short credential", signing{after: edit("/aws4_request", "")}, auth.IncompleteSignature, "credential"},
		{"unsorted signed headers", signing{after: edit("host;x-amz-date", "x-amz-date;host")}, auth.IncompleteSignature, "sorted"},
		{"upper-case signed headers", signing{after: edit("SignedHeaders=host", "SignedHeaders=Host")}, auth.IncompleteSignature, "lower-case"},
		{"signature in upper case", signing{after: func(r *http.Request) {
			line := r.Header.Get("Authorization")
			i := strings.Index(line, "Signature=") + len("Signature=")
			r.Header.Set("Authorization", line[:i]+strings.Repeat("A", 64))
		}}, auth.IncompleteSignature, "hexadecimal"},
		{"no date", signing{after: func(r *http.Request) { r.Header.Del("X-Amz-Date") }}, auth.IncompleteSignature, "x-amz-date"},
		{"date in another form", signing{after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261123-lunch") }}, auth.IncompleteSignature, "form"},
		{"scope ends in another word", signing{after: edit("aws4_request", "aws5_request")}, auth.InvalidSignature, "aws4_request"},
		{"another region, and ours is named", signing{region: "eu-west-1"}, auth.InvalidSignature, `"us-east-1"`},
		{"another service, and ours are named", signing{service: "ivsrealtime"}, auth.InvalidSignature, "ivs, ivschat, streamcat"},
		{"scope of another day", signing{after: edit("/20261123/", "/20261122/")}, auth.InvalidSignature, "date in the credential scope"},
		{"scope of no day", signing{after: edit("/20261123/", "/2026/")}, auth.InvalidSignature, "date in the credential scope"},
		{"six minutes old", signing{at: clock.Add(-6 * time.Minute)}, auth.InvalidSignature, "expired"},
		{"six minutes ahead", signing{at: clock.Add(6 * time.Minute)}, auth.InvalidSignature, "not yet current"},
		{"host not signed", signing{after: edit("SignedHeaders=host;", "SignedHeaders=")}, auth.InvalidSignature, "host"},
		{"date not signed", signing{after: edit("host;x-amz-date", "host")}, auth.InvalidSignature, "x-amz-date"},
		{"a signed header is missing", signing{header: http.Header{"X-Amz-Note": {"a"}}, after: func(r *http.Request) { r.Header.Del("X-Amz-Note") }}, auth.InvalidSignature, "x-amz-note"},
		{"a signed header is changed", signing{header: http.Header{"X-Amz-Note": {"a"}}, after: func(r *http.Request) { r.Header.Set("X-Amz-Note", "b") }}, auth.InvalidSignature, "signing method"},
		{"the body is changed", signing{body: `{"name":"a"}`, afterBody: `{"name":"b"}`}, auth.InvalidSignature, "signing method"},
		{"the path is changed", signing{after: func(r *http.Request) { r.URL.Path = "/DeleteStage" }}, auth.InvalidSignature, "signing method"},
		{"the query is changed", signing{url: "http://h/A?a=1", after: func(r *http.Request) { r.URL.RawQuery = "a=2" }}, auth.InvalidSignature, "signing method"},
		{"a query member is slipped in under a signature's name", signing{after: func(r *http.Request) { r.URL.RawQuery = "X%2DAmz-Signature=x" }}, auth.InvalidSignature, "signing method"},
		{"the method is changed", signing{after: func(r *http.Request) { r.Method = "PUT" }}, auth.InvalidSignature, "signing method"},
		{"the host is changed", signing{after: func(r *http.Request) { r.Host = "evil.example" }}, auth.InvalidSignature, "signing method"},
		{"a wrong secret", signing{secret: "wrong"}, auth.InvalidSignature, "signing method"},
		{"an unsigned payload", signing{payloadSum: "UNSIGNED-PAYLOAD", header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}}, auth.InvalidSignature, "unsigned"},
		{"an unknown key", signing{key: "AKIANOBODY"}, auth.UnrecognizedClient, "not known"},
		{"a session token", signing{token: "session"}, auth.UnrecognizedClient, "session"},
		{"a presigned session token", signing{token: "session", presign: true, url: "http://h/A?X-Amz-Expires=60"}, auth.UnrecognizedClient, "session"},
		{"a presigned URL that is over", signing{presign: true, url: "http://h/A?X-Amz-Expires=60", at: clock.Add(-2 * time.Minute)}, auth.InvalidSignature, "expired"},
		{"a presigned URL of the future", signing{presign: true, url: "http://h/A?X-Amz-Expires=3600", at: clock.Add(6 * time.Minute)}, auth.InvalidSignature, "not yet current"},
		{"a presigned URL for a month", signing{presign: true, url: "http://h/A?X-Amz-Expires=2592000"}, auth.IncompleteSignature, "604800"},
		{"a presigned URL without an end", signing{presign: true, url: "http://h/A"}, auth.IncompleteSignature, "X-Amz-Expires"},
		{"a presigned URL with another query", signing{presign: true, url: "http://h/A?X-Amz-Expires=60", after: func(r *http.Request) { r.URL.RawQuery += "&a=1" }}, auth.InvalidSignature, "signing method"},
		{"a broken query", signing{after: func(r *http.Request) { r.URL.RawQuery = "a=%zz" }}, auth.IncompleteSignature, "query"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := sign(t, c.s)
			_, err := verifier().Verify(r, body)
			var got *auth.Refusal
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if got.Name != c.want || !strings.Contains(got.Message, c.says) {
				t.Errorf("got %v\nwant %s with %q", got, c.want, c.says)
			}
			if strings.Contains(got.Message, secret) || strings.Contains(got.Message, "Signature=") {
				t.Errorf("the message tells too much: %s", got.Message)
			}
		})
	}
}

func TestBrokenLookupIsNoRefusal(t *testing.T) {
	r, body := sign(t, signing{key: "AKIABROKEN"})
	_, err := verifier().Verify(r, body)
	var got *auth.Refusal
	if err == nil || errors.As(err, &got) {
		t.Fatalf("got %v, want an internal error", err)
	}
}

func TestNewSecretOfTheSameKeyReplacesTheCachedOne(t *testing.T) {
	v, s := verifier(), secrets{keyID: secret}
	v.Secrets = s
	r, body := sign(t, signing{})
	if _, err := v.Verify(r, body); err != nil {
		t.Fatal(err)
	}
	s[keyID] = "another"
	if _, err := v.Verify(r, body); err == nil {
		t.Fatal("the old secret is still accepted")
	}
}

func FuzzSigV4(f *testing.F) {
	files, err := filepath.Glob("testdata/aws-cli/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("GET /a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20261123/us-east-1/ivs/aws4_request&X-Amz-Date=20261123T073500Z&X-Amz-Expires=9&X-Amz-SignedHeaders=host&X-Amz-Signature=" + strings.Repeat("0", 64) + " HTTP/1.1\r\nHost: h\r\n\r\n"))
	// Without a known secret nothing may pass, whatever the bytes are; with one, only what was signed.
	none := verifier()
	none.Secrets = secrets{keyID: "one that the captures were not signed with"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		_, err = none.Verify(r, body)
		var refusal *auth.Refusal
		if !errors.As(err, &refusal) {
			t.Fatalf("got %v, want a refusal", err)
		}
	})
}

func BenchmarkSigV4Verify(b *testing.B) {
	r, body := sign(b, signing{body: `{"stageArn":"arn:aws:ivs:us-east-1:000000000000:stage/AbCdEfGh1234","userId":"u1"}`, header: http.Header{"Content-Type": {"application/json"}}})
	v := verifier()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body); err != nil {
			b.Fatal(err)
		}
	}
}
