package ivs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/api/apitest"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

var (
	_ Broadcasts        = (*channel.Manager)(nil)
	_ channel.Directory = (*Directory)(nil)
	_ channel.Viewers   = (*Directory)(nil)
)

const (
	accessKeyID = "AKIASTREAMCATEXAMPLE"
	secretKey   = "example/secret+of/no/worth/0123456789abc"

	channelARN = "arn:aws:ivs:us-east-1:000000000000:channel/AbCdEf123456"
	keyARN     = "arn:aws:ivs:us-east-1:000000000000:stream-key/KeYkEy123456"
	keyValue   = "sk_us-east-1_AbCdEf123456_fixed"
	streamID   = "st-1234567890abcdefghijklm"
)

var here = arn.Minter{Region: "us-east-1", Account: "000000000000"}

type secrets struct{}

func (secrets) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	if id != accessKeyID {
		return "", auth.Principal{}, fault.Missing("access key")
	}
	return secretKey, auth.Principal{AccountID: here.Account, AccessKeyID: id, Root: true}, nil
}

// encoders stands for the live side: it says who broadcasts.
type encoders struct {
	mu      sync.Mutex
	live    []channel.Live
	texts   []string          // what was put as metadata
	breaks  []channel.AdBreak // of which the last one runs
	revoked []string
}

func (e *encoders) PutMetadata(ctx context.Context, name, text string) error {
	if _, err := e.Live(ctx, name); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts = append(e.texts, text)
	return nil
}

func (e *encoders) InsertAdBreak(ctx context.Context, name string, d time.Duration) (channel.AdBreak, error) {
	if _, err := e.Live(ctx, name); err != nil {
		return channel.AdBreak{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.breaks) > 0 {
		return channel.AdBreak{}, fault.InConflict("an ad break of channel %s runs", name)
	}
	e.breaks = append(e.breaks, channel.AdBreak{ID: arn.NewID(12), Start: time.Now(), Duration: d})
	return e.breaks[0], nil
}

func (e *encoders) Revoke(_ context.Context, name, viewer string, upTo int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revoked = append(e.revoked, fmt.Sprintf("%s %s %d", arn.ID(name), viewer, upTo))
	return nil
}

func (e *encoders) Live(_ context.Context, name string) (channel.Live, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.live {
		if l.ARN == name {
			return l, nil
		}
	}
	return channel.Live{}, fault.Offline("channel %s is not broadcasting", name)
}

func (e *encoders) LiveAll(context.Context) []channel.Live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]channel.Live(nil), e.live...)
}

func (e *encoders) Busy(name string) bool {
	_, err := e.Live(context.Background(), name)
	return err == nil
}

func (e *encoders) Stop(_ context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, l := range e.live {
		if l.ARN == name {
			e.live = append(e.live[:i:i], e.live[i+1:]...)
			return nil
		}
	}
	return fault.Offline("channel %s is not broadcasting", name)
}

// world is the service behind its mux, on a database of its own.
type world struct {
	*Service
	dir      string
	log      *bytes.Buffer
	mux      *api.Mux
	encoders *encoders
}

// newWorld opens an empty world where it is now o'clock for who verifies signatures.
func newWorld(t testing.TB, now time.Time) *world {
	t.Helper()
	dir := t.TempDir()
	return newWorldOn(t, dir, storetest.SQLiteAt(t, filepath.Join(dir, "streamcat.db")), now)
}

// both runs a test in a world on either database.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t, time.Now())) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorldOn(t, t.TempDir(), storetest.Postgres(t), time.Now())) })
}

func TestMain(m *testing.M) { storetest.Main(m) }

func newWorldOn(t testing.TB, dir, url string, now time.Time) *world {
	t.Helper()
	w := &world{dir: dir, log: &bytes.Buffer{}, encoders: &encoders{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := store.Open(t.Context(), url, store.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keyring, err := auth.OpenKeyring(filepath.Join(w.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w.Service = NewService(Deps{
		DB: db, Minter: here, Keyring: keyring, Live: w.encoders,
		Endpoints: Endpoints{Ingest: "ingest.example:1935", SRT: "srt.example", Playback: "http://play.example"},
	})
	w.mux = api.NewMux(api.Deps{
		Verifier: &auth.SigV4{Region: here.Region, Services: []string{"ivs", "ivschat"}, Secrets: secrets{}, Now: func() time.Time { return now }},
		Log:      log,
	})
	w.mux.Handle(api.IVS, w.Routes()...)
	return w
}

// furnish adds one channel with its key.
func (w *world) furnish(t testing.TB) {
	t.Helper()
	doc := newChannel()
	doc.Name, doc.Authorized = "fixed", true
	var err error
	if doc.Passphrase, err = w.seal("fixed-passphrase", "passphrase", channelARN); err != nil {
		t.Fatal(err)
	}
	if _, err := w.channels.Insert(t.Context(), channelARN, &doc, map[string]string{"owner": "Ann", "cost center": "7"}); err != nil {
		t.Fatal(err)
	}
	sealed, err := w.seal(keyValue, "stream-key", keyARN)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.keys.Insert(t.Context(), keyARN, &keyDoc{channelARN, sealed, digest(w.keyring, keyValue)}, nil); err != nil {
		t.Fatal(err)
	}
}

// goLive connects an encoder to the furnished channel.
func (w *world) goLive() {
	w.encoders.live = append(w.encoders.live, channel.Live{
		Spec: channel.Spec{ARN: channelARN, ID: "AbCdEf123456"}, StreamID: streamID,
		Started: time.Date(2026, 11, 23, 7, 0, 0, 123e6, time.UTC), Health: channel.Healthy, Viewers: 7,
	})
}

// wasLive leaves one ended session behind.
func (w *world) wasLive(t testing.TB) {
	t.Helper()
	at := func(h, m, s int) time.Time { return time.Date(2026, 11, 23, h, m, s, 5e8, time.UTC) }
	const change = "IVS Stream State Change"
	doc, err := json.Marshal(channel.Record{
		Channel: channel.Spec{ARN: channelARN, ID: "AbCdEf123456", Name: "as-it-was", Type: "STANDARD", LatencyMode: "LOW", Authorized: true},
		Live:    true, Encoder: "obs-output module",
		Video: &channel.TrackRecord{Codec: "avc1.64001F", Width: 1280, Height: 720, FrameRate: 29.97, Bitrate: 2_500_000},
		Audio: &channel.TrackRecord{Codec: "mp4a.40.2", SampleRate: 48000, Channel: 2, Bitrate: 160_000},
		Events: []channel.Happening{
			{Name: "Session Created", Type: change, Time: at(6, 59, 58)},
			{Name: "Stream Start", Type: change, Time: at(7, 0, 0)},
			{Name: "Stream End", Type: change, Time: at(7, 30, 0)},
			{Name: "Session Ended", Type: change, Time: at(7, 30, 0)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.db.InsertStreamSession(t.Context(), store.StreamSession{
		StreamID: streamID, ChannelARN: channelARN, Started: at(7, 0, 0), Ended: at(7, 30, 0), Doc: doc, Node: "n1",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// client is an SDK client of a world that runs on a real listener.
func (w *world) client(t testing.TB) *sdk.Client {
	t.Helper()
	server := httptest.NewServer(w.mux)
	t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		Region: here.Region, BaseEndpoint: &server.URL, HTTPClient: apitest.Client(),
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey}, nil
		}),
	})
}

// post sends a body of our own making, signed, and gives the answer.
func (w *world) post(t testing.TB, now time.Time, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.example"+path, strings.NewReader(body))
	sign(t, r, body, "ivs", now)
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec
}

func sign(t testing.TB, r *http.Request, body, service string, now time.Time) {
	t.Helper()
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey}, r, hash(body), service, here.Region, now)
	if err != nil {
		t.Fatal(err)
	}
}
