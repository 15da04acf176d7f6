package ivsrealtime_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// composing is the service with the real live side of stages.
type composing struct {
	t      *testing.T
	client *sdk.Client
	db     *store.DB
	live   *stage.Manager
	patient
	hourglass
	url                                string
	deps                               stage.Deps
	stage, encoder, another, s3, video string // ARNs of what there is
}

// patient takes no composition up while it waits.
type patient struct {
	*stage.Manager
	waits *atomic.Bool
}

func (p patient) Compose(name string) {
	if !p.waits.Load() {
		p.Manager.Compose(name)
	}
}

// hourglass goes when it is told to.
type hourglass struct{ at *atomic.Int64 }

func (h hourglass) now() time.Time { return time.UnixMilli(h.at.Load()).UTC() }

func (h hourglass) pass(d time.Duration) { h.at.Add(d.Milliseconds()) }

func compose(t *testing.T, url string, quotas map[arn.Kind]int) *composing {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	if url == "" {
		url = storetest.SQLite(t)
	}
	c := &composing{t: t, hourglass: hourglass{new(atomic.Int64)}}
	c.at.Store(clock.UnixMilli())
	var err error
	c.db, err = store.Open(t.Context(), url, store.Options{Log: log})
	check(err)
	t.Cleanup(func() { c.db.Close() })
	messages, err := bus.Open(t.Context(), bus.Options{Dir: filepath.Join(dir, "bus"), Log: log})
	check(err)
	t.Cleanup(func() { check(messages.Close(context.Background())) })
	ring, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	check(err)
	seats, err := auth.NewSeats(ring)
	check(err)
	c.deps = stage.Deps{
		Directory: ivsrealtime.NewDirectory(c.db, ring, minter), DB: c.db, Bus: messages, Minter: minter, Seats: seats, Node: "n1", Log: log, Now: c.now,
	}
	c.live = c.manager()
	c.patient = patient{c.live, new(atomic.Bool)}
	mux := api.NewMux(api.Deps{Verifier: verifier(nil), Log: log})
	mux.Handle(api.IVSRealTime, ivsrealtime.NewService(ivsrealtime.Deps{
		DB: c.db, Minter: minter, Seats: seats, Keyring: ring, Live: c.live, Compositor: c.patient, Replicator: c.live, Endpoints: endpoints, Quotas: quotas, Now: c.now,
	}).Routes()...)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	c.client, c.url = client(web.URL), web.URL
	c.stage = c.newStage()
	c.encoder, c.another = c.resource(arn.EncoderConfiguration), c.resource(arn.EncoderConfiguration)
	c.s3, c.video = c.resource(arn.StorageConfiguration), c.resource(arn.Channel)
	return c
}

func (c *composing) manager() *stage.Manager {
	c.t.Helper()
	m, err := stage.NewManager(c.deps)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			c.t.Error(err)
		}
	})
	return m
}

func (c *composing) newStage() string {
	c.t.Helper()
	return *must[*sdk.CreateStageOutput](c.t)(c.client.CreateStage(c.t.Context(), &sdk.CreateStageInput{})).Stage.Arn
}

// resource makes something that a composition can use.
func (c *composing) resource(kind arn.Kind) string {
	c.t.Helper()
	name := minter.New(kind)
	if _, err := store.NewCollection[struct{}](c.db, kind, nil).Insert(c.t.Context(), name, &struct{}{}, nil); err != nil {
		c.t.Fatal(err)
	}
	return name
}

func (c *composing) toS3(encoder string) types.DestinationConfiguration {
	return types.DestinationConfiguration{S3: &types.S3DestinationConfiguration{EncoderConfigurationArns: []string{encoder}, StorageConfigurationArn: &c.s3}}
}

func (c *composing) toChannel() types.DestinationConfiguration {
	return types.DestinationConfiguration{Channel: &types.ChannelDestinationConfiguration{ChannelArn: &c.video}}
}

// start starts a composition, which is held STARTING while c.waits.
func (c *composing) start(stageARN string, to ...types.DestinationConfiguration) *types.Composition {
	c.t.Helper()
	return must[*sdk.StartCompositionOutput](c.t)(c.client.StartComposition(c.t.Context(), &sdk.StartCompositionInput{StageArn: &stageARN, Destinations: to})).Composition
}

func (c *composing) get(name *string) *types.Composition {
	c.t.Helper()
	return must[*sdk.GetCompositionOutput](c.t)(c.client.GetComposition(c.t.Context(), &sdk.GetCompositionInput{Arn: name})).Composition
}

func (c *composing) stop(name *string) {
	c.t.Helper()
	must[*sdk.StopCompositionOutput](c.t)(c.client.StopComposition(c.t.Context(), &sdk.StopCompositionInput{Arn: name}))
}

// until reads a composition until it is in a state.
func (c *composing) until(name *string, state types.CompositionState) *types.Composition {
	c.t.Helper()
	again, late := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer again.Stop()
	for {
		got := c.get(name)
		if got.State == state {
			return got
		}
		select {
		case <-again.C:
		case <-late:
			c.t.Fatalf("it is %s, and never was %s", got.State, state)
		}
	}
}

// told gives what EventBridge is told of a composition, in order.
func (c *composing) told(name string) (told []string) {
	c.t.Helper()
	for _, e := range must[[]store.Event](c.t)(c.db.Events(c.t.Context(), 0, 1000)) {
		if e.DetailType != "IVS Composition State Change" || !slices.Equal(e.Resources, []string{name}) {
			continue
		}
		var d struct {
			Name   string `json:"event_name"`
			Stage  string `json:"stage_arn"`
			ID     string `json:"id"`
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil || !strings.Contains(d.Stage, ":stage/") || strings.Contains(d.Name, "Failure") != (d.Reason != "") {
			c.t.Errorf("event: %s %v", e.Detail, err)
		}
		told = append(told, strings.TrimSpace(d.Name+" "+d.ID))
	}
	return told
}

// uses counts the compositions that keep something from being deleted.
func (c *composing) uses(name string) int {
	c.t.Helper()
	return must[int](c.t)(stage.Compositions(c.db).Count(c.t.Context(), store.Ref{Name: "uses", Value: name}))
}
