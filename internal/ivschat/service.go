package ivschat

import (
	"context"
	"log/slog"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/store"
)

// Rooms are the living rooms, wherever their members are connected. room.Manager is one. All but CloseRoom
// look the room up: one that does not exist is a NotFound fault, another region's an Invalid one.
type Rooms interface {
	// SendEvent sends an application event to the members and gives the event's id.
	SendEvent(ctx context.Context, roomARN, name string, attributes map[string]string) (id string, err error)
	// DeleteMessage asks the members to forget a message and gives the request's own id.
	DeleteMessage(ctx context.Context, roomARN, messageID, reason string) (id string, err error)
	// DisconnectUser ends all connections of a user; none is no error.
	DisconnectUser(ctx context.Context, roomARN, userID, reason string) error
	// CloseRoom ends all connections of a room that was deleted.
	CloseRoom(ctx context.Context, roomARN string) error
}

// Deps are what a Service needs.
type Deps struct {
	DB     *store.DB
	Minter arn.Minter
	Passes *auth.ChatPasses
	Rooms  Rooms
	Log    *slog.Logger
	Quotas map[arn.Kind]int // how many there may be of a kind; nil: as many as anybody likes
	Now    func() time.Time // nil means time.Now
}

// Service answers the operations. It is safe for concurrent use.
type Service struct {
	Deps
	rooms   *store.Collection[room]
	logging *store.Collection[logging]
}

// NewService makes the service on an open database.
func NewService(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{Deps: d, rooms: collection(d.DB), logging: store.NewCollection[logging](d.DB, arn.LoggingConfiguration, nil)}
}

// Routes gives the service's routes for the mux.
func (s *Service) Routes() []api.Route { return Routes(s) }
