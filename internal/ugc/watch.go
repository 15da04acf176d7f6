package ugc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	// pollEvery bounds how old a viewer count may be, and how long this node may take to notice a change
	// that another node wrote.
	pollEvery = 5 * time.Second
	// listEvery is how often the running streams are asked for while none is known to run.
	listEvery = time.Minute
	// settling is how long after its start a stream may be missing from what the service lists.
	settling = 15 * time.Second

	maxPolled    = 10_000 // live channels
	maxLooking   = 4      // that news may have to wait for
	maxListPages = 100    // of 100 streams
)

// pulse is what the service says of a stream while it runs.
type pulse struct {
	viewers  int64
	starving bool // nothing comes from its encoder
}

type watcher struct{ tell func(Card) }

// Watch calls tell with a channel's card whenever it changes, until stop is called. tell must not wait.
// Cards of one channel come in order.
func (a *App) Watch(tell func(Card)) (stop func()) {
	w := &watcher{tell}
	a.mu.Lock()
	a.watchers[w] = struct{}{}
	a.mu.Unlock()
	return func() {
		a.mu.Lock()
		delete(a.watchers, w)
		a.mu.Unlock()
	}
}

// Look calls tell with the cards of the named channels as they are now, or of all that are live if none
// is named, in order with what Watch tells: a card from here is never followed by an older one. When many
// look at once, it waits for its turn until ctx ends.
func (a *App) Look(ctx context.Context, usernames []string, tell func(Card)) error {
	select {
	case a.looking <- struct{}{}:
		defer func() { <-a.looking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	var found []store.AppChannel
	var err error
	if len(usernames) == 0 {
		found, err = a.rows.LiveChannels(ctx, maxLive)
	} else {
		keys := make([]string, len(usernames))
		for i, name := range usernames {
			keys[i] = nameKey(name)
		}
		found, err = a.rows.ChannelsByName(ctx, keys)
	}
	for _, c := range found {
		tell(a.card(c))
	}
	return err
}

// show tells watchers what a channel looks like now.
func (a *App) show(ctx context.Context, userID string) {
	a.telling.Lock()
	defer a.telling.Unlock()
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		a.Log.WarnContext(ctx, "a changed channel could not be shown", "err", err)
		return
	}
	a.tell(c)
}

// tell tells watchers of a channel; telling is held.
func (a *App) tell(c store.AppChannel) {
	card := a.card(c)
	if card.Live || card.RealTime {
		a.shown[c.UserID] = card
	} else {
		delete(a.shown, c.UserID)
	}
	a.mu.Lock()
	watchers := make([]*watcher, 0, len(a.watchers))
	for w := range a.watchers {
		watchers = append(watchers, w)
	}
	a.mu.Unlock()
	for _, w := range watchers {
		w.tell(card)
	}
}

// poll brings the app in step with the service and the database, and tells watchers what changed.
func (a *App) poll(ctx context.Context) error {
	live, err := a.rows.LiveChannels(ctx, maxPolled)
	if err != nil {
		return err
	}
	now := a.Now()
	streams := slices.DeleteFunc(slices.Clone(live), func(c store.AppChannel) bool { return c.LiveStream == "" })
	a.mu.Lock()
	due := len(streams) > 0 || now.Sub(a.listed) >= listEvery
	if due {
		a.listed = now
	}
	a.mu.Unlock()
	if !due {
		a.showAll(ctx, live)
		return nil
	}
	failed := a.reconcile(ctx, streams)
	if live, err = a.rows.LiveChannels(ctx, maxPolled); err != nil {
		return errors.Join(failed, err)
	}
	a.showAll(ctx, live)
	return failed
}

// showAll tells watchers of all channels that went on air, changed there, or left it since they were
// told last.
func (a *App) showAll(ctx context.Context, live []store.AppChannel) {
	var streams, realTime float64
	for _, c := range live {
		if c.LiveStream != "" {
			streams++
		}
		if !c.RealTimeSince.IsZero() {
			realTime++
		}
	}
	a.metrics.live.Set(streams)
	a.metrics.realTime.Set(realTime)
	a.telling.Lock()
	defer a.telling.Unlock()
	on := make(map[string]bool, len(live))
	for _, c := range live {
		on[c.UserID] = true
		if was, ok := a.shown[c.UserID]; !ok || !same(was, a.card(c)) {
			a.tell(c)
		}
	}
	for id := range a.shown {
		if on[id] {
			continue
		}
		if c, err := a.rows.Channel(ctx, id); err == nil {
			a.tell(c)
		} else if fault.Of(err) == fault.NotFound {
			delete(a.shown, id)
		}
	}
}

func same(x, y Card) bool {
	starts := sameTime(x.StartedAt, y.StartedAt) && sameTime(x.RealTimeSince, y.RealTimeSince)
	x.StartedAt, y.StartedAt, x.RealTimeSince, y.RealTimeSince = nil, nil, nil, nil
	return starts && x == y
}

func sameTime(x, y *time.Time) bool {
	return x == y || x != nil && y != nil && x.Equal(*y)
}

// reconcile compares what the app holds to be live with what runs, and takes over viewer counts and
// health. It makes good for events that were lost: they are delivered at best effort.
func (a *App) reconcile(ctx context.Context, live []store.AppChannel) error {
	running, err := a.listStreams(ctx)
	if err != nil {
		return err
	}
	pulses := make(map[string]pulse, len(running))
	var failed []error
	for _, c := range live {
		s, listed := running[c.ChannelARN]
		if !listed && a.Now().Sub(c.LiveSince) >= settling {
			s, listed, err = a.getStream(ctx, c.ChannelARN)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			if listed {
				running[c.ChannelARN] = s
			}
		}
		switch {
		case listed && aws.ToString(s.StreamId) == c.LiveStream:
			delete(running, c.ChannelARN)
			pulses[c.LiveStream] = a.feel(s)
		case a.Now().Sub(c.LiveSince) >= settling:
			a.Log.InfoContext(ctx, "a stream ended without an event", "username", c.Username, "stream", c.LiveStream)
			failed = append(failed, a.rows.ChangeStream(ctx, c.UserID, c.LiveStream, concluded(a.Now())))
		}
	}
	for arn, s := range running { // what is left runs and is not held to be live
		c, err := a.rows.ChannelByARN(ctx, arn)
		if err != nil {
			if fault.Of(err) != fault.NotFound {
				failed = append(failed, err)
			}
			continue // somebody else's
		}
		pulses[aws.ToString(s.StreamId)] = a.feel(s)
		failed = append(failed, a.rows.ChangeStream(ctx, c.UserID, aws.ToString(s.StreamId), evident(aws.ToTime(s.StartTime))))
	}
	a.mu.Lock()
	a.pulses = pulses
	a.mu.Unlock()
	return errors.Join(failed...)
}

// feel reads how a stream does; a viewer count that the service could not tell in time is as it was.
func (a *App) feel(s ivstypes.StreamSummary) pulse {
	now := pulse{s.ViewerCount, s.Health == ivstypes.StreamHealthStarving}
	if now.viewers < 0 {
		a.mu.Lock()
		defer a.mu.Unlock()
		now.viewers = a.pulses[aws.ToString(s.StreamId)].viewers
	}
	return now
}

// check asks for one channel's stream and shows how it does, if it is the one held to be live.
func (a *App) check(ctx context.Context, c store.AppChannel) error {
	s, runs, err := a.getStream(ctx, c.ChannelARN)
	if err != nil || !runs || aws.ToString(s.StreamId) != c.LiveStream {
		return err
	}
	now := a.feel(s)
	a.mu.Lock()
	a.pulses[c.LiveStream] = now
	a.mu.Unlock()
	a.show(ctx, c.UserID)
	return nil
}

// concluded ends a stream that is not there any more.
func concluded(now time.Time) func(*store.AppStream) {
	return func(st *store.AppStream) {
		if st.Ended.IsZero() {
			st.Ended, st.Assumed = now, true
		}
	}
}

// evident takes a stream that runs as begun; it withdraws an end that was only assumed, and none that
// was told: the service's list may lag behind its events.
func evident(started time.Time) func(*store.AppStream) {
	return func(st *store.AppStream) {
		if st.Started.IsZero() {
			st.Started = started
		}
		if st.Assumed {
			st.Ended, st.Assumed = time.Time{}, false
		}
	}
}

// listStreams gives all running streams by channel.
func (a *App) listStreams(ctx context.Context) (map[string]ivstypes.StreamSummary, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out := map[string]ivstypes.StreamSummary{}
	in := &ivs.ListStreamsInput{MaxResults: aws.Int32(100)}
	for range maxListPages {
		page, err := a.Channels.ListStreams(ctx, in)
		if err != nil {
			return nil, asked("listing the streams", err)
		}
		for _, s := range slices.DeleteFunc(page.Streams, offline) {
			out[aws.ToString(s.ChannelArn)] = s
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	return out, nil
}

func offline(s ivstypes.StreamSummary) bool {
	return s.State == ivstypes.StreamStateStreamOffline || aws.ToString(s.StreamId) == ""
}

// getStream asks for one channel's stream, and says whether it has one.
func (a *App) getStream(ctx context.Context, channelARN string) (ivstypes.StreamSummary, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := a.Channels.GetStream(ctx, &ivs.GetStreamInput{ChannelArn: &channelARN})
	switch err := asked("looking for a stream", err); {
	case err == nil:
	case fault.Of(err) == fault.NotLive, fault.Of(err) == fault.NotFound:
		return ivstypes.StreamSummary{}, false, nil
	default:
		return ivstypes.StreamSummary{}, false, err
	}
	s := ivstypes.StreamSummary{
		ChannelArn: &channelARN, StreamId: out.Stream.StreamId, StartTime: out.Stream.StartTime,
		State: out.Stream.State, Health: out.Stream.Health, ViewerCount: out.Stream.ViewerCount,
	}
	return s, !offline(s), nil
}
