package ivsrealtime

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// Endpoints are the addresses that stages and tokens tell clients to use. They may be kept by clients
// for two weeks, so they follow from the configuration, never from a running process.
type Endpoints struct {
	Events string // ws(s)://…/stage-events; a client appends "/" and the stage's id
	Whip   string // http(s)://…/whip
	Rtmp   string // rtmp://…/app/, or empty where RTMP is off
	Rtmps  string // rtmps://…/app/, or empty without TLS
}

// Live is the running side of stages; *stage.Manager fits.
type Live interface {
	// ActiveSession gives the id of a stage's running session, or nothing.
	ActiveSession(stageARN string) string
	// Disconnect ends a participant's connections and makes their token unusable, written down before it returns.
	Disconnect(ctx context.Context, stageARN, participantID, reason string) error
	// CloseStage ends what runs on a stage that was deleted.
	CloseStage(ctx context.Context, stageARN string)
	// Cut ends the connections of participants who came by an ingest configuration that does not let them in any
	// more, or in another way.
	Cut(ctx context.Context, stageARN string, participantIDs ...string)
}

// nowhere is the live side where no stages run.
type nowhere struct{}

func (nowhere) ActiveSession(string) string            { return "" }
func (nowhere) CloseStage(context.Context, string)     {}
func (nowhere) Cut(context.Context, string, ...string) {}
func (nowhere) Disconnect(context.Context, string, string, string) error {
	return fault.Down("stages do not run here")
}

// Deps are what a Service needs.
type Deps struct {
	DB         *store.DB
	Minter     arn.Minter
	Seats      *auth.Seats
	Keyring    *auth.Keyring
	Live       Live       // nil: stages run nowhere, only their resources are kept
	Compositor Compositor // nil: compositions run nowhere, and cannot be started
	Replicator Replicator // nil: nobody is replicated, and nobody can be
	Endpoints  Endpoints
	Quotas     map[arn.Kind]int // how many there may be of a kind; nil: as many as anybody likes
	Now        func() time.Time // nil means time.Now
}

// Service answers the operations. It is safe for concurrent use.
type Service struct {
	Deps
	stages       *store.Collection[stage]
	encoders     *store.Collection[encoder]
	storages     *store.Collection[storage]
	publicKeys   *store.Collection[publicKey]
	ingests      *store.Collection[ingest]
	compositions *store.Collection[live.Composition]
}

// NewService makes the service on an open database.
func NewService(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Live == nil {
		d.Live = nowhere{}
	}
	if d.Compositor == nil {
		d.Compositor = nowhere{}
	}
	if d.Replicator == nil {
		d.Replicator = nowhere{}
	}
	return &Service{
		Deps:         d,
		stages:       stages(d.DB),
		encoders:     store.NewCollection[encoder](d.DB, arn.EncoderConfiguration, nil),
		storages:     store.NewCollection[storage](d.DB, arn.StorageConfiguration, nil),
		publicKeys:   publicKeys(d.DB),
		ingests:      ingests(d.DB),
		compositions: live.Compositions(d.DB),
	}
}

// Routes gives the service's routes for the mux.
func (s *Service) Routes() []api.Route { return Routes(s) }
