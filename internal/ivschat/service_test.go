package ivschat_test

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
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/api/apitest"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivschat"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

const (
	keyID  = "AKIASTREAMCATEXAMPLE"
	secret = "example/secret+of/no/worth/0123456789abc"
)

var (
	minter = arn.Minter{Region: "us-east-1", Account: "000000000000"}
	clock  = time.Date(2026, 11, 23, 7, 35, 0, 120e6, time.UTC)
	quiet  = slog.New(slog.DiscardHandler)
)

// server is the service with real rooms behind the real mux, on a real database and bus. The clock of
// service and rooms stands still.
type server struct {
	client *sdk.Client
	db     *store.DB
	passes *auth.ChatPasses
	url    string
	chat   string // ws://…
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

func TestMain(m *testing.M) { storetest.Main(m) }

// both runs a test on both databases.
func both(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, start(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, startOn(t, storetest.Postgres(t), nil)) })
}

func start(t testing.TB) *server {
	t.Helper()
	return startOn(t, storetest.SQLite(t), nil)
}

func startOn(t testing.TB, url string, quotas map[arn.Kind]int) *server {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	db, err := store.Open(ctx, url, store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(ctx, bus.Options{Dir: filepath.Join(dir, "bus"), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	now := func() time.Time { return clock }
	passes := auth.NewChatPasses(ring)
	rooms, err := room.NewManager(room.Deps{Directory: ivschat.NewDirectory(db, minter), DB: db, Bus: b, Passes: passes, Log: quiet, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rooms.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	service := ivschat.NewService(ivschat.Deps{DB: db, Minter: minter, Passes: passes, Rooms: rooms, Log: quiet, Quotas: quotas, Now: now})
	mux := api.NewMux(api.Deps{Verifier: verifier(nil), Log: quiet})
	mux.Handle(api.IVSChat, service.Routes()...)
	web, sockets := httptest.NewServer(mux), httptest.NewServer(rooms)
	t.Cleanup(web.Close)
	t.Cleanup(sockets.Close)
	return &server{client: client(web.URL), db: db, passes: passes, url: web.URL, chat: "ws" + strings.TrimPrefix(sockets.URL, "http")}
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

// newRoom makes a room and gives its name.
func (s *server) newRoom(t testing.TB, in *sdk.CreateRoomInput) *string {
	t.Helper()
	return must[*sdk.CreateRoomOutput](t)(s.client.CreateRoom(t.Context(), in)).Arn
}

// post sends a request of our own writing and gives the answer's body. Status and the error's name
// must be as wanted.
func post(t *testing.T, s *server, operation, body string, status int, name string) string {
	t.Helper()
	r, err := http.NewRequest("POST", s.url+"/"+operation, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), "ivschat", minter.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status || resp.Header.Get("x-amzn-ErrorType") != name || resp.Header.Get("x-amzn-RequestId") == "" {
		t.Fatalf("got %d %s %s", resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"), answer)
	}
	return string(answer)
}
