package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	accessKeyID = "AKIASTREAMCATEXAMPLE"
	secretKey   = "example/secret+of/no/worth/0123456789abc"
	region      = "us-east-1"
)

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// secrets knows one key, with or without a policy.
type secrets struct{ policy *auth.Policy }

func (s secrets) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	if id != accessKeyID {
		return "", auth.Principal{}, fault.Missing("access key")
	}
	return secretKey, auth.Principal{AccountID: "000000000000", AccessKeyID: id, Policy: s.policy}, nil
}

// echoIn is the input of a toy operation that does what its caller says.
type echoIn struct {
	Say  *string `json:"say,omitzero"`
	Fail *string `json:"fail,omitzero"`
}

func (in *echoIn) Validate() error {
	var c api.Check
	if in.Say != nil {
		c.Length("", "say", *in.Say, 1, 5)
	}
	return c.Err()
}

func (in *echoIn) Access() api.Access { return api.Access{Kind: "channel"} }

type echoOut struct {
	Said string `json:"said"`
	Who  string `json:"who"`
}

type tagIn struct {
	ResourceArn string            `json:"-"`
	TagKeys     []string          `json:"-"`
	Tags        map[string]string `json:"tags,omitzero"`
}

func (*tagIn) Validate() error { return nil }

func (in *tagIn) Access() api.Access {
	return api.Access{Resources: []string{in.ResourceArn}, Tags: in.Tags}
}

func (in *tagIn) FromURL(resourceARN string, query url.Values) {
	in.ResourceArn, in.TagKeys = resourceARN, query["tagKeys"]
}

type tagOut struct {
	Service string            `json:"service"`
	Arn     string            `json:"arn"`
	Keys    []string          `json:"keys,omitzero"`
	Tags    map[string]string `json:"tags,omitzero"`
}

var failures = map[string]error{
	"invalid":     fault.InvalidInput("no <good>"),
	"denied":      fault.AccessDenied("not for you"),
	"missing":     fault.Missing("room %s", "abc").About("ROOM", "AbCdEf123456"),
	"conflict":    fault.InConflict("busy").About("LOGGING_CONFIGURATION", "AbCdEf123456"),
	"quota":       fault.OverQuota(3, "three are enough").About("ROOM", "AbCdEf123456"),
	"throttled":   fault.TooFast(10, "slower"),
	"unavailable": fault.Down("the database is away").Because(errors.New("dial 10.0.0.1")),
	"not live":    fault.Offline("nobody there"),
	"pending":     &fault.Error{Kind: fault.Pending, Message: "under review"},
	"internal":    errors.New("password of the database"),
}

func echo(ctx context.Context, in *echoIn) (*echoOut, error) {
	if in.Fail != nil {
		if *in.Fail == "panic" {
			panic("a broken invariant")
		}
		return nil, failures[*in.Fail]
	}
	who, _ := auth.PrincipalOf(ctx)
	out := &echoOut{Who: who.AccessKeyID}
	if in.Say != nil {
		out.Said = *in.Say
	}
	return out, nil
}

type world struct {
	*api.Mux
	log      bytes.Buffer
	registry *prometheus.Registry
}

func newWorld(change ...func(*api.Deps)) *world {
	w := &world{registry: prometheus.NewRegistry()}
	d := api.Deps{
		Verifier:   &auth.SigV4{Region: region, Services: []string{"ivs", "ivschat"}, Secrets: secrets{}, Now: func() time.Time { return now }},
		Log:        slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: w.registry,
		Now:        func() time.Time { return now },
	}
	for _, c := range change {
		c(&d)
	}
	w.Mux = api.NewMux(d)
	w.Handle(api.IVS, api.Op(api.Endpoint{Name: "Echo", Method: "POST", Path: "/Echo", Status: 200, Unavailable: "StreamUnavailable"}, echo))
	w.Handle(api.IVS, api.Op(api.Endpoint{Name: "Forget", Method: "POST", Path: "/Forget", Status: 204}, echo))
	w.Handle(api.IVSRealTime, api.Op(api.Endpoint{Name: "EchoStage", Method: "POST", Path: "/EchoStage", Status: 200}, echo))
	w.Handle(api.IVSChat, api.Op(api.Endpoint{Name: "EchoRoom", Method: "POST", Path: "/EchoRoom", Status: 200}, echo))
	for _, s := range []api.Service{api.IVS, api.IVSRealTime, api.IVSChat} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w.Handle(s, api.Op(api.Endpoint{Name: "Tags" + method, Method: method, Path: "/tags/{resourceArn}", Status: 200},
				func(_ context.Context, in *tagIn) (*tagOut, error) {
					return &tagOut{s.Name, in.ResourceArn, in.TagKeys, in.Tags}, nil
				}))
		}
	}
	return w
}

// request makes a signed request; change may spoil it afterwards.
func request(t testing.TB, method, target, body, service string, change func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://api.example"+target, strings.NewReader(body))
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey}, r, hex.EncodeToString(sum[:]), service, region, now)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	return r
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

func TestASignedRequestIsAnswered(t *testing.T) {
	w := newWorld()
	got := w.do(request(t, "POST", "/Echo", `{"say":"<&>"}`, "ivs", nil))
	if got.Code != 200 || got.Body.String() != `{"said":"<&>","who":"AKIASTREAMCATEXAMPLE"}` {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if id := got.Header().Get("x-amzn-RequestId"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("request id %q", id)
	}
	if got.Header().Get("Content-Type") != "application/json" || got.Header().Get("x-amzn-ErrorType") != "" {
		t.Errorf("headers %v", got.Header())
	}
	if got := w.do(request(t, "POST", "/Forget", ``, "ivs", nil)); got.Code != 204 || got.Body.Len() != 0 || got.Header().Get("Content-Type") != "" {
		t.Errorf("204: got %d %q %v", got.Code, got.Body, got.Header())
	}
	if n := w.counted(t, "Echo", "ok", "ivs"); n != 1 {
		t.Errorf("Echo was counted %v times", n)
	}
	if !strings.Contains(w.log.String(), "operation=Echo") || strings.Contains(w.log.String(), "<&>") {
		t.Errorf("log: %s", &w.log)
	}
}

// counted gives the value of the request counter with these labels.
func (w *world) counted(t *testing.T, labels ...string) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "streamcat_api_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if slices.Equal(have, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestFailuresAreExceptionsOfTheirService(t *testing.T) {
	ivs := func(m string) string { return `{"message":"` + m + `","exceptionMessage":"` + m + `"}` }
	for _, c := range []struct {
		fail, path, service string
		status              int
		name, body          string
	}{
		{"invalid", "/Echo", "ivs", 400, "ValidationException", ivs("no <good>")},
		{"denied", "/Echo", "ivs", 403, "AccessDeniedException", ivs("not for you")},
		{"missing", "/Echo", "ivs", 404, "ResourceNotFoundException", ivs("room abc")},
		{"conflict", "/Echo", "ivs", 409, "ConflictException", ivs("busy")},
		{"quota", "/Echo", "ivs", 402, "ServiceQuotaExceededException", ivs("three are enough")},
		{"throttled", "/EchoStage", "ivs", 429, "ThrottlingException", ivs("slower")},
		{"unavailable", "/Echo", "ivs", 503, "StreamUnavailable", ivs("the database is away")},
		{"unavailable", "/EchoStage", "ivs", 503, "ServiceUnavailable", ivs("the database is away")},
		{"not live", "/Echo", "ivs", 404, "ChannelNotBroadcasting", ivs("nobody there")},
		{"pending", "/Echo", "ivs", 403, "PendingVerification", ivs("under review")},
		{"internal", "/Echo", "ivs", 500, "InternalServerException", ivs("an internal error occurred")},
		{"panic", "/Echo", "ivs", 500, "InternalServerException", ivs("an internal error occurred")},
		{"invalid", "/EchoRoom", "ivschat", 400, "ValidationException", `{"message":"no <good>","reason":"OTHER"}`},
		{"denied", "/EchoRoom", "ivschat", 403, "AccessDeniedException", `{"message":"not for you"}`},
		{"missing", "/EchoRoom", "ivschat", 404, "ResourceNotFoundException", `{"message":"room abc","resourceId":"AbCdEf123456","resourceType":"ROOM"}`},
		{"conflict", "/EchoRoom", "ivschat", 409, "ConflictException", `{"message":"busy","resourceId":"AbCdEf123456","resourceType":"LOGGING_CONFIGURATION"}`},
		{"quota", "/EchoRoom", "ivschat", 402, "ServiceQuotaExceededException", `{"message":"three are enough","resourceId":"AbCdEf123456","resourceType":"ROOM","limit":3}`},
		{"throttled", "/EchoRoom", "ivschat", 429, "ThrottlingException", `{"message":"slower","resourceId":"","resourceType":"ROOM","limit":10}`},
		{"internal", "/EchoRoom", "ivschat", 500, "InternalServerException", `{"message":"an internal error occurred"}`},
	} {
		t.Run(c.path+" "+c.fail, func(t *testing.T) {
			w := newWorld()
			got := w.do(request(t, "POST", c.path, `{"fail":"`+c.fail+`"}`, c.service, nil))
			if got.Code != c.status || got.Header().Get("x-amzn-ErrorType") != c.name || got.Body.String() != c.body {
				t.Errorf("got %d %s %s\nwant %d %s %s", got.Code, got.Header().Get("x-amzn-ErrorType"), got.Body, c.status, c.name, c.body)
			}
			wantGatewayHeaders(t, got.Header())
			if logged := strings.Contains(w.log.String(), "level=ERROR"); logged != (c.status == 500) {
				t.Errorf("log: %s", &w.log)
			}
		})
	}
}

func wantGatewayHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*",
		"Cache-Control":               "no-store, no-cache",
		"Content-Security-Policy":     "default-src 'self'; upgrade-insecure-requests;",
		"Strict-Transport-Security":   "max-age:47304000; includeSubDomains",
		"X-Content-Type-Options":      "nosniff",
		"X-Frame-Options":             "DENY",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	exposed := strings.ToLower(h.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{"x-amzn-requestid", "x-amzn-errortype", "x-amz-apigw-id", "content-length", "date"} {
		if !strings.Contains(exposed, name) {
			t.Errorf("Access-Control-Expose-Headers lacks %s", name)
		}
	}
	if h.Get("x-amzn-RequestId") == "" {
		t.Error("no request id")
	}
}

func TestChatNamesTheFieldsThatBreakARule(t *testing.T) {
	got := newWorld().do(request(t, "POST", "/EchoRoom", `{"say":"much too long"}`, "ivschat", nil))
	want := `{"message":"say must have at most 5 characters","reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"say","message":"must have at most 5 characters"}]}`
	if got.Code != 400 || got.Body.String() != want {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

func TestRequestsThatDoNotGetToAnOperation(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body, service string
		change                            func(*http.Request)
		status                            int
		exception                         string
	}{
		{"unsigned", "POST", "/Echo", `{}`, "ivs", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException"},
		{"unsigned, to no operation", "POST", "/Nothing", `{}`, "ivs", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException"},
		{"unsigned, with a broken body", "POST", "/Echo", `{`, "ivs", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException"},
		{"wrong signature", "POST", "/Echo", `{}`, "ivs", func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")[:100]+"0")
		}, 403, ""},
		{"changed body", "POST", "/Echo", `{}`, "ivs", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{ }`)) }, 403, "InvalidSignatureException"},
		{"another service's signature", "POST", "/Echo", `{}`, "ivschat", nil, 403, "InvalidSignatureException"},
		{"another service's signature, chat", "POST", "/EchoRoom", `{}`, "ivs", nil, 403, "InvalidSignatureException"},
		{"unknown operation", "POST", "/Nothing", `{}`, "ivs", nil, 404, "UnknownOperationException"},
		{"operation in lower case", "POST", "/echo", `{}`, "ivs", nil, 404, "UnknownOperationException"},
		{"operation with a slash behind it", "POST", "/Echo/", `{}`, "ivs", nil, 404, "UnknownOperationException"},
		{"wrong method", "PUT", "/Echo", `{}`, "ivs", nil, 404, "UnknownOperationException"},
		{"wrong method on tags", "PUT", "/tags/arn%3Aaws%3Aivs%3Aus-east-1%3A000000000000%3Achannel%2FA", `{}`, "ivs", nil, 404, "UnknownOperationException"},
		{"broken JSON", "POST", "/Echo", `{`, "ivs", nil, 400, "SerializationException"},
		{"wrong type before a broken rule", "POST", "/Echo", `{"say":5}`, "ivs", nil, 400, "SerializationException"},
		{"body over the limit", "POST", "/Echo", strings.Repeat(" ", api.MaxBody+1), "ivs", nil, 413, "RequestEntityTooLargeException"},
		{"body over the limit, of unknown length", "POST", "/Echo", strings.Repeat(" ", api.MaxBody+1), "ivs", func(r *http.Request) { r.ContentLength = -1 }, 413, "RequestEntityTooLargeException"},
		{"body that breaks off", "POST", "/Echo", `{}`, "ivs", func(r *http.Request) { r.Body = io.NopCloser(&broken{}) }, 408, "RequestTimeoutException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			got := w.do(request(t, c.method, c.path, c.body, c.service, c.change))
			if got.Code != c.status || c.exception != "" && got.Header().Get("x-amzn-ErrorType") != c.exception {
				t.Errorf("got %d %s %s", got.Code, got.Header().Get("x-amzn-ErrorType"), got.Body)
			}
			var body struct{ Message string }
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || body.Message == "" {
				t.Errorf("body %s", got.Body)
			}
			wantGatewayHeaders(t, got.Header())
		})
	}
}

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTagRoutesGoToTheServiceOfTheResource(t *testing.T) {
	const base = "arn:aws:ivs:us-east-1:000000000000:"
	const chat = "arn:aws:ivschat:us-east-1:000000000000:"
	for _, c := range []struct{ signed, name, want string }{
		{"ivs", base + "channel/AbCdEf123456", "ivs"},
		{"ivs", base + "stream-key/AbCdEf123456", "ivs"},
		{"ivs", base + "recording-configuration/AbCdEf123456", "ivs"},
		{"ivs", base + "stage/AbCdEf123456", "ivs-realtime"},
		{"ivs", base + "composition/AbCdEf123456", "ivs-realtime"},
		{"ivs", base + "public-key/AbCdEf123456", "ivs-realtime"},
		{"ivs", base + "ingest-configuration/AbCdEf123456", "ivs-realtime"},
		{"ivschat", chat + "room/AbCdEf123456", "ivschat"},
		{"ivschat", base + "channel/AbCdEf123456", "ivschat"}, // which refuses it as invalid
		{"ivs", chat + "room/AbCdEf123456", "ivs"},            // likewise
		{"ivs", "not an ARN", "ivs"},
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			body, query := "", ""
			want := tagOut{Service: c.want, Arn: c.name}
			switch method {
			case "POST":
				body, want.Tags = `{"tags":{"a":"b"}}`, map[string]string{"a": "b"}
			case "DELETE":
				query, want.Keys = "?tagKeys=a%20b&tagKeys=c%2Fd", []string{"a b", "c/d"}
			}
			got := newWorld().do(request(t, method, "/tags/"+strings.ReplaceAll(url.PathEscape(c.name), ":", "%3A")+query, body, c.signed, nil))
			b, _ := json.Marshal(want)
			if got.Code != 200 || got.Body.String() != string(b) {
				t.Errorf("%s %s signed for %s: got %d %s", method, c.name, c.signed, got.Code, got.Body)
			}
		}
	}
}

func TestScriptsOfAnyOriginMayAsk(t *testing.T) {
	w := newWorld()
	r := httptest.NewRequestWithContext(t.Context(), "OPTIONS", "/Echo", nil)
	r.Header.Set("Origin", "https://app.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization,x-amz-date")
	got := w.do(r)
	if got.Code != 204 || got.Header().Get("Access-Control-Allow-Origin") != "*" ||
		got.Header().Get("Access-Control-Allow-Headers") != "authorization,x-amz-date" || !strings.Contains(got.Header().Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
}

func TestOwnsOnlyWhatLooksLikeTheAPI(t *testing.T) {
	w := newWorld()
	for target, want := range map[string]bool{
		"POST /Echo": true, "POST /NoSuchOperation": true, "OPTIONS /Echo": true, "GET /tags/x": true, "DELETE /tags/a%2Fb": true,
		"GET /Echo": false, "POST /": false, "POST /whip": false, "GET /": false, "POST /Echo/x": false, "POST /engine/v1/x": false,
		"POST /hooks/events": false, "GET /tags": false, "POST /E-c": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		if got := w.Owns(httptest.NewRequestWithContext(t.Context(), method, path, nil)); got != want {
			t.Errorf("%s: got %v", target, got)
		}
	}
}

func TestTwoOperationsInOnePlaceAreAMistake(t *testing.T) {
	w := newWorld()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	w.Handle(api.IVSChat, api.Op(api.Endpoint{Name: "Echo", Method: "POST", Path: "/Echo", Status: 200}, echo))
}
