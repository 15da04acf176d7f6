package stage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// The states of a Composition and of a Destination, as far as they come to be.
const (
	Starting = "STARTING"
	Stopped  = "STOPPED"
	Failed   = "FAILED"
)

// CompositionStays is for how long a composition that has ended can still be seen.
const CompositionStays = 5 * time.Minute

// Composition is what is kept of a composition: one picture made of a stage, sent to destinations. What only
// the API knows the meaning of is kept as the API shows it.
type Composition struct {
	StageARN     string          `json:"stage"`
	State        string          `json:"state"`
	Started      time.Time       `json:"started"`
	Ended        time.Time       `json:"ended,omitzero"`
	Layout       json.RawMessage `json:"layout"`
	Destinations []Destination   `json:"destinations"`
	Token        string          `json:"token,omitempty"` // whoever starts one with it again means this one; empty: nobody can
	Request      string          `json:"request"`         // a digest of what was asked for
}

// Destination is one place that the picture goes to.
type Destination struct {
	ID            string          `json:"id"`
	State         string          `json:"state"`
	Started       time.Time       `json:"started,omitzero"` // when output began
	Ended         time.Time       `json:"ended,omitzero"`
	Configuration json.RawMessage `json:"configuration"`
	Encoder       string          `json:"encoder,omitempty"` // ARN; so is the next
	Target        string          `json:"target"`            // channel or storage configuration
}

// openCompositions is the ref of compositions that have not ended, endedCompositions of the others.
var (
	openCompositions  = store.Ref{Name: "is", Value: "open"}
	endedCompositions = store.Ref{Name: "is", Value: "ended"}
)

// Compositions is the collection of compositions. What one uses it has as a ref "uses" until it ends; its
// "stage" and every "encoder" stay, and so does the "token" that it was started with.
func Compositions(db *store.DB) *store.Collection[Composition] {
	return store.NewCollection(db, arn.Composition, compositionRefs, "token")
}

func compositionRefs(c *Composition) []store.Ref {
	refs := []store.Ref{{Name: "stage", Value: c.StageARN}}
	if c.Token != "" {
		refs = append(refs, store.Ref{Name: "token", Value: c.Token})
	}
	for _, d := range c.Destinations {
		if d.Encoder != "" {
			refs = append(refs, store.Ref{Name: "encoder", Value: d.Encoder})
		}
	}
	if !c.Ended.IsZero() {
		return append(refs, endedCompositions)
	}
	refs = append(refs, openCompositions)
	for _, name := range c.Uses() {
		refs = append(refs, store.Ref{Name: "uses", Value: name})
	}
	return refs
}

// Uses gives the ARNs of all that the composition needs.
func (c *Composition) Uses() []string {
	names := []string{c.StageARN}
	for _, d := range c.Destinations {
		names = append(names, d.Target)
		if d.Encoder != "" {
			names = append(names, d.Encoder)
		}
	}
	return names
}

// Over says whether the composition ended so long ago that it can no longer be seen.
func (c *Composition) Over(now time.Time) bool {
	return !c.Ended.IsZero() && now.Sub(c.Ended) >= CompositionStays
}

// CompositionQuota gives a Quota fault if as many compositions run as may, altogether or on a stage; see
// InsertWithin of a collection. Those that have ended do not count.
func CompositionQuota(ctx context.Context, db *store.DB, stageARN string, limit, perStage int) error {
	if err := db.WithinQuotaOf(ctx, arn.Composition, limit, openCompositions); err != nil {
		return err
	}
	return db.WithinQuotaOf(ctx, arn.Composition, perStage, store.Ref{Name: "uses", Value: stageARN})
}

// verdict is how a composition ends.
type verdict struct {
	state       string
	destination string // the name of the event that tells of each destination's end
	session     string // and of the one that follows
	reason      string
}

var (
	// It never was ACTIVE, so nothing tells that its session, or output to a destination, started.
	verdictFailed  = verdict{Failed, "Destination Failure", "Session Failure", "media of compositions is not available in this version"}
	verdictStopped = verdict{Stopped, "Destination End", "Session End", ""}
)

// end ends a composition and all its destinations. It gives the events that tell of it, in order: one for
// each destination, then one for the composition; none if it has ended already.
func (c *Composition) end(name string, v verdict, at time.Time) (events []store.Event) {
	if !c.Ended.IsZero() {
		return nil
	}
	for i := range c.Destinations {
		if d := &c.Destinations[i]; d.Ended.IsZero() {
			d.State, d.Ended = v.state, at
			events = append(events, c.event(name, v.destination, d.ID, v.reason, at))
		}
	}
	c.State, c.Ended = v.state, at
	return append(events, c.event(name, v.session, "", v.reason, at))
}

func (c *Composition) event(name, what, destination, reason string, at time.Time) store.Event {
	detail, err := json.Marshal(struct {
		EventName   string `json:"event_name"`
		StageARN    string `json:"stage_arn"`
		Destination string `json:"id,omitempty"`
		Reason      string `json:"reason,omitempty"`
	}{what, c.StageARN, destination, reason})
	if err != nil {
		panic("an event's detail is always JSON: " + err.Error())
	}
	return store.Event{DetailType: "IVS Composition State Change", Resources: []string{name}, Time: at, Detail: detail}
}
