package ivs

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Broadcasts is the live side of channels. channel.Manager is one.
type Broadcasts interface {
	// Live tells of a broadcasting channel; a NotLive fault if it is not.
	Live(ctx context.Context, channelARN string) (channel.Live, error)
	// LiveAll lists the broadcasting channels, newest first.
	LiveAll(ctx context.Context) []channel.Live
	// Busy says whether an encoder is connected, a first frame or not.
	Busy(channelARN string) bool
	// Stop cuts the encoder of a channel; a NotLive fault if there is none.
	Stop(ctx context.Context, channelARN string) error
	// PutMetadata sends a text to the players of a channel; a NotLive fault if it is not broadcasting.
	PutMetadata(ctx context.Context, channelARN, text string) error
	// InsertAdBreak begins an ad break in a channel: a NotLive fault if it is not broadcasting, a Conflict
	// while another one runs.
	InsertAdBreak(ctx context.Context, channelARN string, d time.Duration) (channel.AdBreak, error)
	// Revoke ends what a viewer watches of a channel, and may watch of it, with tokens of a session version
	// up to upTo.
	Revoke(ctx context.Context, channelARN, viewerID string, upTo int64) error
}

// Endpoints are the addresses that resources tell their owners. None of them ends in a slash.
type Endpoints struct {
	Ingest   string // host of RTMP ingest, with a port unless it is RTMPS on 443
	SRT      string // host of SRT ingest, with a port unless it is 9000
	Playback string // scheme and host before the path of a playback URL
}

// Deps is what a Service needs.
type Deps struct {
	DB        *store.DB
	Minter    arn.Minter
	Keyring   *auth.Keyring
	Live      Broadcasts
	Endpoints Endpoints
	Quotas    map[arn.Kind]int // how many there may be of a kind; nil: as many as anybody likes
	Now       func() time.Time // nil: time.Now
}

// Service answers the operations. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	minter    arn.Minter
	keyring   *auth.Keyring
	live      Broadcasts
	endpoints Endpoints
	quotas    map[arn.Kind]int
	now       func() time.Time

	channels     *store.Collection[channelDoc]
	keys         *store.Collection[keyDoc]
	playbackKeys *store.Collection[playbackKeyDoc]
	policies     *store.Collection[policyDoc]
	recordings   *store.Collection[recordingDoc]
	ads          *store.Collection[adDoc]
}

// NewService makes the service. It starts nothing.
func NewService(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{
		db: d.DB, minter: d.Minter, keyring: d.Keyring, live: d.Live, endpoints: d.Endpoints, quotas: d.Quotas, now: d.Now,
		channels: channels(d.DB), keys: streamKeys(d.DB), playbackKeys: playbackKeys(d.DB),
		policies: policies(d.DB), recordings: recordings(d.DB), ads: adConfigurations(d.DB),
	}
}

// Routes gives the routes of all operations.
func (s *Service) Routes() []api.Route { return Routes(s) }

// text gives what a string points to, or "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// batch runs get for each name once, in the order asked, and collects what fails for a reason of that
// name alone. Another failure is the whole request's.
func batch(names []string, get func(name string) error) ([]BatchError, error) {
	errs := []BatchError{}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		err := get(name)
		if err == nil {
			continue
		}
		code := itemCode(err)
		if code == "" {
			return nil, err
		}
		errs = append(errs, BatchError{Arn: new(name), Code: &code, Message: new(fault.Message(err))})
	}
	return errs, nil
}

// itemCode gives the code of one item's failure in a batch, which is an HTTP status: "" if the item is not to
// blame.
func itemCode(err error) string {
	switch fault.Of(err) {
	case fault.NotFound:
		return "404"
	case fault.Invalid:
		return "400"
	}
	return ""
}

// seal encrypts a secret of a resource. The name of the resource is bound to it.
func (s *Service) seal(secret, what, name string) ([]byte, error) {
	b, err := s.keyring.Seal([]byte(secret), what+" "+name)
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", what, name, err)
	}
	return b, nil
}

// unseal gives back what seal took.
func (s *Service) unseal(sealed []byte, what, name string) (*api.Secret, error) {
	b, err := s.keyring.Open(sealed, what+" "+name)
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", what, name, err)
	}
	return new(api.Secret(b)), nil
}
