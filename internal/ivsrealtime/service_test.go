package ivsrealtime_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/api/apitest"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

const (
	keyID  = "AKIASTREAMCATEXAMPLE"
	secret = "example/secret+of/no/worth/0123456789abc"
)

var (
	minter    = arn.Minter{Region: "us-east-1", Account: "000000000000"}
	endpoints = ivsrealtime.Endpoints{
		Events: "ws://127.0.0.1:8080/stage-events", Whip: "http://127.0.0.1:8080/whip", Rtmp: "rtmp://127.0.0.1:1935/app/",
	}
	clock = time.Date(2026, 11, 23, 7, 35, 0, 120e6, time.UTC)
)

// server is the service behind the real mux, on a real database. The service's clock stands still.
type server struct {
	client *sdk.Client
	mux    *api.Mux
	db     *store.DB
	seats  *auth.Seats
	ring   *auth.Keyring
	live   *running
	url    string
}

// running is the live side: what is told to it, and what it tells.
type running struct {
	mu           sync.Mutex // guards closed and cut
	session      string
	disconnected []string // stage, participant and reason
	closed       []string
	cut          []string // stage and participants
}

func (r *running) ActiveSession(string) string { return r.session }

func (r *running) Disconnect(_ context.Context, stageARN, participantID, reason string) error {
	r.disconnected = append(r.disconnected, stageARN+" "+participantID+" "+reason)
	return nil
}

func (r *running) Cut(_ context.Context, stageARN string, participantIDs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = append(r.cut, strings.Join(append([]string{stageARN}, participantIDs...), " "))
}

func (r *running) CloseStage(_ context.Context, stageARN string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = append(r.closed, stageARN)
}

type oneKey struct{}

func (oneKey) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	if id != keyID {
		return "", auth.Principal{}, fault.Missing("access key")
	}
	return secret, auth.Principal{AccountID: minter.Account, AccessKeyID: id, Root: true}, nil
}

func verifier(now func() time.Time) *auth.SigV4 {
	return &auth.SigV4{Region: minter.Region, Services: []string{"ivs", "ivschat"}, Secrets: oneKey{}, Now: now}
}

func start(t testing.TB, change ...func(*ivsrealtime.Deps)) *server {
	t.Helper()
	return startOn(t, storetest.SQLite(t), change...)
}

// both runs a test on both databases.
func both(t *testing.T, test func(t *testing.T, s *server), change ...func(*ivsrealtime.Deps)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, start(t, change...)) })
	t.Run("postgres", func(t *testing.T) { test(t, startOn(t, storetest.Postgres(t), change...)) })
}

func TestMain(m *testing.M) { storetest.Main(m) }

func startOn(t testing.TB, url string, change ...func(*ivsrealtime.Deps)) *server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), url, store.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := auth.OpenKeyring(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	seats, err := auth.NewSeats(ring)
	if err != nil {
		t.Fatal(err)
	}
	live := &running{}
	d := ivsrealtime.Deps{
		DB: db, Minter: minter, Seats: seats, Keyring: ring, Live: live, Endpoints: endpoints, Now: func() time.Time { return clock },
	}
	for _, f := range change {
		f(&d)
	}
	service := ivsrealtime.NewService(d)
	mux := api.NewMux(api.Deps{Verifier: verifier(nil), Log: log})
	mux.Handle(api.IVSRealTime, service.Routes()...)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return &server{client: client(web.URL), mux: mux, db: db, seats: seats, ring: ring, live: live, url: web.URL}
}

// client is AWS's own for Go, told nothing but where and with which key.
func client(url string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: minter.Region, BaseEndpoint: &url, RetryMaxAttempts: 1, HTTPClient: apitest.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, nil
		}),
	})
}

// wants fails unless err is the typed exception E.
func wants[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a %T", err, e)
	}
	return e
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// post sends a request of our own writing and gives the answer's body. The status must be as wanted,
// and so must the error's name, if one is given.
func post(t *testing.T, s *server, operation, body string, status int, name ...string) []byte {
	t.Helper()
	resp, err := http.DefaultClient.Do(signed(t, s.url+"/"+operation, body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status || resp.Header.Get("x-amzn-ErrorType") != strings.Join(name, "") || resp.Header.Get("x-amzn-RequestId") == "" {
		t.Fatalf("got %d %s %s", resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"), answer)
	}
	return answer
}

// signed makes a request that the AWS SDK has signed now.
func signed(t testing.TB, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), "ivs", minter.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
