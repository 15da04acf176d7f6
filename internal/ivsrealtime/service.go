package ivsrealtime

import (
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
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

// Deps are what a Service needs.
type Deps struct {
	DB        *store.DB
	Minter    arn.Minter
	Seats     *auth.Seats
	Endpoints Endpoints
	Now       func() time.Time // nil means time.Now
}

// Service answers the operations. It is safe for concurrent use.
type Service struct {
	Unimplemented
	Deps
	stages *store.Collection[stage]
}

// NewService makes the service on an open database.
func NewService(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{Deps: d, stages: store.NewCollection[stage](d.DB, arn.Stage, nil)}
}

// Routes gives the service's routes for the mux.
func (s *Service) Routes() []api.Route { return Routes(s) }
