package plus

import (
	"net/http"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

func (s *Service) handleWebhooks() {
	one, page := s.about("webhook"), []string{"maxResults", "nextToken"}
	s.handle(operation{"ListWebhooks", "GET webhooks", http.StatusOK, page, nil, s.listWebhooks})
	s.handle(operation{"CreateWebhook", "POST webhooks", http.StatusCreated, nil, nil, s.createWebhook})
	s.handle(operation{"GetWebhook", "GET webhooks/{id}", http.StatusOK, nil, one, s.getWebhook})
	s.handle(operation{"UpdateWebhook", "PATCH webhooks/{id}", http.StatusOK, nil, one, s.updateWebhook})
	s.handle(operation{"DeleteWebhook", "DELETE webhooks/{id}", http.StatusNoContent, nil, one, s.deleteWebhook})
	s.handle(operation{"RotateWebhookSecret", "POST webhooks/{id}/rotate-secret", http.StatusOK, nil, one, s.rotateSecret})
	s.handle(operation{"TestWebhook", "POST webhooks/{id}/test", http.StatusOK, nil, one, s.testWebhook})
	s.handle(operation{"ListDeliveries", "GET webhooks/{id}/deliveries", http.StatusOK, nil, one, s.listDeliveries})
	s.handle(operation{"ListDeadLetters", "GET webhooks/{id}/dead-letters", http.StatusOK, page, one, s.listDeadLetters})
	s.handle(operation{"ReplayDeadLetters", "POST webhooks/{id}/dead-letters/replay", http.StatusAccepted, nil, one, s.replayDeadLetters})
	s.handle(operation{"ReplayDeadLetters", "POST webhooks/{id}/dead-letters/{event}/replay", http.StatusAccepted, nil, one, s.replayDeadLetters})
	s.handle(operation{"ReplayEvents", "POST webhooks/{id}/replay", http.StatusAccepted, nil, one, s.replayEvents})
}

// States of a webhook.
const (
	enabled  = "enabled"
	disabled = "disabled"
)

// webhook is a webhook in an answer. The secret is there once.
type webhook struct {
	ID                  string     `json:"id"`
	ARN                 string     `json:"arn"`
	URL                 string     `json:"url"`
	Description         string     `json:"description"`
	DetailTypes         []string   `json:"detailTypes"`
	Resources           []string   `json:"resources"`
	State               string     `json:"state"`
	StateReason         string     `json:"stateReason,omitempty"` // why the server disabled it
	Created             time.Time  `json:"created"`
	Secret              string     `json:"secret,omitempty"`
	PreviousSecretUntil *time.Time `json:"previousSecretUntil,omitempty"` // until when the secret before signs, too
	Delivery            *delivery  `json:"delivery,omitempty"`
}

// delivery says how far a webhook is.
type delivery struct {
	EventsBehind int64     `json:"eventsBehind"` // in the outbox, its filters apart
	DeadLetters  int       `json:"deadLetters"`
	Replays      []replay  `json:"replays"` // that are not done
	Failing      []failing `json:"failing"`
}

// failing is an event that is offered again and again.
type failing struct {
	Kind   string    `json:"kind"`   // live, replay or dead-letter
	Number int64     `json:"number"` // of the event within the account
	Tries  int       `json:"tries"`
	Since  time.Time `json:"since"`
	Error  string    `json:"error"`
}

// replay is past events that are told again.
type replay struct {
	ID          string     `json:"id"`
	Created     time.Time  `json:"created"`
	Since       *time.Time `json:"since,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	DetailTypes []string   `json:"detailTypes"`
	Resources   []string   `json:"resources"`
}

func replayOf(r store.WebhookReplay) replay {
	return replay{r.ID, r.Created, stamp(r.Since), stamp(r.Until), list(r.DetailTypes), list(r.Resources)}
}

func (s *Service) webhook(w store.Webhook, secret string) webhook {
	out := webhook{
		ID: w.ID, ARN: s.name("webhook", w.ID), URL: w.URL, Description: w.Description, DetailTypes: list(w.DetailTypes), Resources: list(w.Resources),
		State: disabled, StateReason: w.Reason, Created: w.Created, Secret: secret,
	}
	if w.Enabled {
		out.State = enabled
	}
	if w.OldUntil.After(time.Now()) {
		out.PreviousSecretUntil = stamp(w.OldUntil)
	}
	return out
}

func (s *Service) listWebhooks(v *visit) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	after, err := api.Page[store.Cursor](v.nextToken(), "ListWebhooks")
	if err != nil {
		return nil, err
	}
	hooks, next, err := s.d.DB.Webhooks(v.Context(), limit, after)
	if err != nil {
		return nil, err
	}
	out := struct {
		Webhooks  []webhook `json:"webhooks"`
		NextToken *string   `json:"nextToken,omitempty"`
	}{[]webhook{}, api.NextToken(next, "ListWebhooks")}
	for _, w := range hooks {
		out.Webhooks = append(out.Webhooks, s.webhook(w, ""))
	}
	return out, nil
}

func stateOf(text *string) (on *bool, err error) {
	if text == nil {
		return nil, nil
	}
	if *text != enabled && *text != disabled {
		return nil, fault.InvalidInput("state must be %s or %s", enabled, disabled)
	}
	return new(*text == enabled), nil
}

func (s *Service) createWebhook(v *visit) (any, error) {
	var in struct {
		URL         string   `json:"url"`
		Description string   `json:"description"`
		DetailTypes []string `json:"detailTypes"`
		Resources   []string `json:"resources"`
		Secret      string   `json:"secret"`
		State       *string  `json:"state"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	on, err := stateOf(in.State)
	if err != nil {
		return nil, err
	}
	w, secret, err := s.d.Webhooks.Create(v.Context(), hook.Settings{
		URL: in.URL, Description: in.Description, DetailTypes: in.DetailTypes, Resources: in.Resources, Secret: in.Secret, Disabled: on != nil && !*on,
	})
	if err != nil {
		return nil, err
	}
	v.about = append(v.about, s.name("webhook", w.ID))
	return s.webhook(w, secret), nil
}

func (s *Service) getWebhook(v *visit) (any, error) {
	ctx, id := v.Context(), v.PathValue("id")
	w, err := s.d.DB.Webhook(ctx, id)
	if err != nil {
		return nil, err
	}
	at, err := s.d.DB.EventCursor(ctx, w.Consumer())
	if err != nil {
		return nil, err
	}
	last, err := s.d.DB.LastEvent(ctx)
	if err != nil {
		return nil, err
	}
	d := &delivery{EventsBehind: max(0, last-at), Replays: []replay{}, Failing: []failing{}}
	if d.DeadLetters, err = s.d.DB.CountDeadLetters(ctx, id); err != nil {
		return nil, err
	}
	replays, err := s.d.DB.Replays(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, r := range replays {
		d.Replays = append(d.Replays, replayOf(r))
	}
	failures, err := s.d.DB.WebhookFailures(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, f := range failures {
		d.Failing = append(d.Failing, failing{f.Lane, f.Global, f.Tries, f.Since, f.Error})
	}
	out := s.webhook(w, "")
	out.Delivery = d
	return out, nil
}

func (s *Service) updateWebhook(v *visit) (any, error) {
	var in struct {
		URL         *string   `json:"url"`
		Description *string   `json:"description"`
		DetailTypes *[]string `json:"detailTypes"`
		Resources   *[]string `json:"resources"`
		State       *string   `json:"state"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	on, err := stateOf(in.State)
	if err != nil {
		return nil, err
	}
	w, err := s.d.Webhooks.Update(v.Context(), v.PathValue("id"), hook.Change{
		URL: in.URL, Description: in.Description, DetailTypes: in.DetailTypes, Resources: in.Resources, Enabled: on,
	})
	if err != nil {
		return nil, err
	}
	return s.webhook(w, ""), nil
}

func (s *Service) deleteWebhook(v *visit) (any, error) {
	return nil, s.d.Webhooks.Delete(v.Context(), v.PathValue("id"))
}

func (s *Service) rotateSecret(v *visit) (any, error) {
	var in struct {
		Secret string `json:"secret"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	w, secret, err := s.d.Webhooks.RotateSecret(v.Context(), v.PathValue("id"), in.Secret)
	if err != nil {
		return nil, err
	}
	return s.webhook(w, secret), nil
}

func (s *Service) testWebhook(v *visit) (any, error) {
	if err := v.decode(&struct{}{}); err != nil {
		return nil, err
	}
	r, err := s.d.Webhooks.Test(v.Context(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return struct {
		EventID      string `json:"eventId"`
		Delivered    bool   `json:"delivered"`
		Status       int    `json:"status,omitempty"` // absent: there was no answer
		Milliseconds int64  `json:"latencyMs"`
		Answer       string `json:"answer"` // its beginning
		Error        string `json:"error,omitempty"`
	}{r.EventID, r.Error == "", r.Status, r.Took.Milliseconds(), r.Excerpt, r.Error}, nil
}

func (s *Service) listDeliveries(v *visit) (any, error) {
	id := v.PathValue("id")
	if _, err := s.d.DB.Webhook(v.Context(), id); err != nil {
		return nil, err
	}
	type try struct {
		Time         time.Time `json:"time"`
		EventID      string    `json:"eventId"`
		Sequence     int64     `json:"sequence"`
		Kind         string    `json:"kind"`
		Delivered    bool      `json:"delivered"`
		Status       int       `json:"status,omitempty"`
		Milliseconds int64     `json:"latencyMs"`
		Error        string    `json:"error,omitempty"`
	}
	tries := []try{}
	for _, d := range s.d.Webhooks.Recent(id) {
		tries = append(tries, try{d.Time.UTC(), d.EventID, d.Sequence, d.Kind, d.Error == "", d.Status, d.Took.Milliseconds(), d.Error})
	}
	return struct {
		Deliveries []try `json:"deliveries"`
	}{tries}, nil
}

func (s *Service) listDeadLetters(v *visit) (any, error) {
	id := v.PathValue("id")
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	after, err := api.Page[int64](v.nextToken(), "ListDeadLetters", id)
	if err != nil {
		return nil, err
	}
	if _, err := s.d.DB.Webhook(v.Context(), id); err != nil {
		return nil, err
	}
	letters, next, err := s.d.DB.DeadLetters(v.Context(), id, limit, after)
	if err != nil {
		return nil, err
	}
	type letter struct {
		event
		Died    time.Time `json:"died"`
		Tries   int       `json:"tries"`
		Error   string    `json:"error"`
		Pending bool      `json:"replayPending"`
	}
	out := struct {
		DeadLetters []letter `json:"deadLetters"`
		NextToken   *string  `json:"nextToken,omitempty"`
	}{[]letter{}, api.NextToken(next, "ListDeadLetters", id)}
	for _, d := range letters {
		shown, err := s.event(d.Event)
		if err != nil {
			return nil, err
		}
		out.DeadLetters = append(out.DeadLetters, letter{shown, d.Died, d.Tries, d.Error, d.Asked})
	}
	return out, nil
}

func (s *Service) replayDeadLetters(v *visit) (any, error) {
	id := v.PathValue("id")
	if err := v.decode(&struct{}{}); err != nil {
		return nil, err
	}
	if _, err := s.d.DB.Webhook(v.Context(), id); err != nil {
		return nil, err
	}
	n, err := s.d.Webhooks.ReplayDeadLetters(v.Context(), id, v.PathValue("event"))
	return struct {
		Events int `json:"events"`
	}{n}, err
}

func (s *Service) replayEvents(v *visit) (any, error) {
	var in struct {
		Since       string   `json:"since"`
		Until       string   `json:"until"`
		DetailTypes []string `json:"detailTypes"`
		Resources   []string `json:"resources"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	if in.Since == "" {
		return nil, fault.InvalidInput("since is required")
	}
	r := store.WebhookReplay{WebhookID: v.PathValue("id"), DetailTypes: in.DetailTypes, Resources: in.Resources}
	var err error
	if r.Since, err = moment("since", in.Since); err != nil {
		return nil, err
	}
	if r.Until, err = moment("until", in.Until); err != nil {
		return nil, err
	}
	if r, err = s.d.Webhooks.Replay(v.Context(), r); err != nil {
		return nil, err
	}
	return replayOf(r), nil
}
