package ugc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Event is an EventBridge envelope, as far as the app reads it.
type Event struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Time       time.Time       `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// eventMemory is how long an event's id is remembered. An event that comes twice after that does no
// harm either: what it says is applied by stream and time.
const eventMemory = 7 * 24 * time.Hour

// Handle takes one event. Events may come late, twice and in any order, and may tell of channels that
// are none of this app's: those are let pass. Invalid says that the envelope is not one. Any other error
// means the event was not taken, and should be sent again.
func (a *App) Handle(ctx context.Context, e Event) error {
	outcome, err := a.handle(ctx, e)
	if err != nil {
		outcome = "failed"
	}
	a.metrics.events.WithLabelValues(outcome).Inc()
	return err
}

func (a *App) handle(ctx context.Context, e Event) (outcome string, err error) {
	switch {
	case e.ID == "" || len(e.ID) > 128:
		return "", fault.InvalidInput("the event has no id")
	case e.DetailType == "":
		return "", fault.InvalidInput("the event has no detail-type")
	case e.Time.IsZero():
		return "", fault.InvalidInput("the event has no time")
	}
	if e.Source != "aws.ivs" {
		return "ignored", nil
	}
	switch e.DetailType {
	case "IVS Stream State Change":
		return a.handleStream(ctx, e)
	case "IVS Stream Health Change":
		return a.handleHealth(ctx, e)
	case "IVS Stage Update":
		return a.handleStage(ctx, e)
	}
	return "ignored", nil
}

func (a *App) handleStream(ctx context.Context, e Event) (outcome string, err error) {
	var detail struct {
		Name     string `json:"event_name"`
		StreamID string `json:"stream_id"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return "", fault.InvalidInput("the event's detail cannot be read").Because(err)
	}
	change, ok := stateChanges[detail.Name]
	if !ok {
		return "ignored", nil
	}
	if len(e.Resources) == 0 || detail.StreamID == "" || len(detail.StreamID) > 128 {
		return "", fault.InvalidInput("the event names no stream")
	}
	outcome = "applied"
	var owner string
	err = a.rows.Tx(ctx, func(ctx context.Context) error {
		c, err := a.rows.ChannelByARN(ctx, e.Resources[0])
		if fault.Of(err) == fault.NotFound {
			outcome = "ignored"
			return nil
		}
		if err != nil {
			return err
		}
		first, err := a.rows.Once(ctx, "app-event", e.ID, a.Now().Add(eventMemory))
		if err != nil {
			return err
		}
		if !first {
			outcome = "repeated"
			return nil
		}
		owner = c.UserID
		return a.rows.ChangeStream(ctx, owner, detail.StreamID, func(st *store.AppStream) { change(st, e.Time) })
	})
	if err == nil && outcome == "applied" {
		a.show(ctx, owner)
	}
	return outcome, err
}

// handleHealth has a stream looked at that starves, or does no more. Events may be late and out of order, so the
// service is asked how it is now; if that fails, polling finds it out a little later.
func (a *App) handleHealth(ctx context.Context, e Event) (outcome string, err error) {
	var detail struct {
		Name string `json:"event_name"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return "", fault.InvalidInput("the event's detail cannot be read").Because(err)
	}
	if detail.Name != "Starvation Start" && detail.Name != "Starvation End" {
		return "ignored", nil
	}
	if len(e.Resources) == 0 {
		return "", fault.InvalidInput("the event names no channel")
	}
	c, err := a.rows.ChannelByARN(ctx, e.Resources[0])
	if fault.Of(err) == fault.NotFound || err == nil && c.LiveStream == "" {
		return "ignored", nil
	}
	if err != nil {
		return "", err
	}
	if err := a.check(ctx, c); err != nil {
		a.Log.InfoContext(ctx, "a stream's health could not be read", "username", c.Username, "err", err)
	}
	return "applied", nil
}

// stateChanges says what an event makes of a stream's row, whatever was known of the stream before.
var stateChanges = map[string]func(st *store.AppStream, t time.Time){
	"Stream Start": func(st *store.AppStream, t time.Time) {
		if st.Started.IsZero() || t.Before(st.Started) {
			st.Started = t
		}
	},
	"Stream End": func(st *store.AppStream, t time.Time) {
		st.Ended, st.Assumed = t, false
	},
}
