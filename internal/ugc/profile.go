package ugc

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Card is what people see of a channel everywhere. Its JSON is the app's.
type Card struct {
	Username  string     `json:"username"`
	Title     string     `json:"title"`
	Category  Category   `json:"category"`
	Live      bool       `json:"live"`
	StartedAt *time.Time `json:"startedAt"` // null while off air
	Viewers   int64      `json:"viewers"`

	// Interrupted: nothing comes from the encoder now, but the stream goes on and may have its picture back.
	Interrupted bool `json:"interrupted"`

	RealTime      bool       `json:"realTime"`      // its person is on the stage and told the viewers
	RealTimeSince *time.Time `json:"realTimeSince"` // null while they are not
}

// Profile is what people see of a channel on its own page.
type Profile struct {
	Card
	PlaybackURL string     `json:"playbackUrl"`
	ChannelARN  string     `json:"channelArn"`
	CreatedAt   time.Time  `json:"createdAt"`
	LastLiveAt  *time.Time `json:"lastLiveAt"` // null if the channel never was on air
	HasRoom     bool       `json:"-"`

	IngestEndpoint string `json:"-"` // host, or host:port
	SRTServer      string `json:"-"` // srt://host:port; "" where the service takes no SRT
}

const (
	maxLive   = 200
	maxRecent = 24
)

func (a *App) card(c store.AppChannel) Card {
	category, _ := category(c.Category)
	card := Card{Username: c.Username, Title: c.Title, Category: category}
	if c.LiveStream != "" {
		card.Live, card.StartedAt = true, &c.LiveSince
		a.mu.Lock()
		now := a.pulses[c.LiveStream]
		a.mu.Unlock()
		card.Viewers, card.Interrupted = now.viewers, now.starving
	}
	if !c.RealTimeSince.IsZero() {
		card.RealTime, card.RealTimeSince = true, &c.RealTimeSince
	}
	return card
}

func (a *App) cards(cs []store.AppChannel) []Card {
	out := make([]Card, 0, len(cs))
	for _, c := range cs {
		out = append(out, a.card(c))
	}
	return out
}

// Home gives the channels that are live, in real time or otherwise, the most watched first, and those that
// lately were.
func (a *App) Home(ctx context.Context) (live, recent []Card, err error) {
	on, err := a.rows.LiveChannels(ctx, maxLive)
	if err != nil {
		return nil, nil, err
	}
	off, err := a.rows.RecentChannels(ctx, maxRecent)
	if err != nil {
		return nil, nil, err
	}
	live = a.cards(on)
	slices.SortStableFunc(live, func(x, y Card) int { return cmp.Compare(y.Viewers, x.Viewers) })
	return live, a.cards(off), nil
}

// Card gives a channel's card by its person's name.
func (a *App) Card(ctx context.Context, username string) (Card, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return Card{}, err
	}
	return a.card(c), nil
}

// Profile gives what a channel's page shows.
func (a *App) Profile(ctx context.Context, username string) (Profile, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return Profile{}, err
	}
	return a.profile(ctx, c)
}

// Own gives a person's own channel.
func (a *App) Own(ctx context.Context, userID string) (Profile, error) {
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return Profile{}, err
	}
	return a.profile(ctx, c)
}

func (a *App) profile(ctx context.Context, c store.AppChannel) (Profile, error) {
	endpoints, err := a.channels.get(ctx, c.ChannelARN)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{
		Card: a.card(c), PlaybackURL: endpoints.playback, IngestEndpoint: endpoints.ingest, SRTServer: endpoints.srt,
		ChannelARN: c.ChannelARN, CreatedAt: c.Created, HasRoom: c.RoomARN != "",
	}
	if !c.LastLive.IsZero() {
		p.LastLiveAt = &c.LastLive
	}
	return p, nil
}

// Change says what to change of a channel's profile; nil leaves alone.
type Change struct {
	Title      *string
	CategoryID *string
}

// UpdateProfile changes a person's own channel, and tells everybody who watches.
func (a *App) UpdateProfile(ctx context.Context, userID string, ch Change) error {
	if ch.Title != nil {
		title, err := cleanTitle(*ch.Title)
		if err != nil {
			return err
		}
		ch.Title = &title
	}
	if ch.CategoryID != nil {
		if _, ok := category(*ch.CategoryID); !ok {
			return invalid("categoryId", "Choose one of the categories.")
		}
	}
	if err := a.rows.UpdateChannel(ctx, userID, store.AppChannelChange{Title: ch.Title, Category: ch.CategoryID}); err != nil {
		return err
	}
	a.show(ctx, userID)
	return nil
}

// channelCache remembers what the service says of a channel's addresses: they belong to the service,
// may change when it moves, and are asked for on every page.
type channelCache struct {
	channels Channels
	now      func() time.Time

	mu    sync.Mutex
	known map[string]endpoints // by channel ARN
}

type endpoints struct {
	playback, ingest, srt string
	until                 time.Time
}

const (
	endpointsFor = 5 * time.Minute
	maxEndpoints = 10_000
)

func newChannelCache(channels Channels, now func() time.Time) *channelCache {
	return &channelCache{channels: channels, now: now, known: map[string]endpoints{}}
}

func (c *channelCache) get(ctx context.Context, arn string) (endpoints, error) {
	now := c.now()
	c.mu.Lock()
	e, ok := c.known[arn]
	c.mu.Unlock()
	if ok && now.Before(e.until) {
		return e, nil
	}
	out, err := c.channels.GetChannel(ctx, &ivs.GetChannelInput{Arn: &arn})
	switch err := asked("finding the channel", err); {
	case err != nil && ok && fault.Of(err) == fault.Unavailable:
		return e, nil // an address that was right minutes ago beats none
	case err != nil:
		return endpoints{}, err
	}
	e = endpointsOf(out, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxEndpoints {
		clear(c.known)
	}
	c.known[arn] = e
	return e, nil
}

func endpointsOf(out *ivs.GetChannelOutput, now time.Time) endpoints {
	ch := out.Channel
	return endpoints{aws.ToString(ch.PlaybackUrl), aws.ToString(ch.IngestEndpoint), srtServer(out), now.Add(endpointsFor)}
}
