package plus

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

func (s *Service) handleEvents() {
	s.handle(operation{
		"ListEvents", "GET events", http.StatusOK,
		[]string{"resource", "detailType", "since", "after", "order", "maxResults", "nextToken"},
		nil, s.listEvents,
	})
	s.handle(operation{
		"ListAuditEntries", "GET audit", http.StatusOK,
		[]string{"accessKeyId", "operation", "resource", "since", "until", "maxResults", "nextToken"},
		nil, s.listAudit,
	})
}

// event is an event with its numbers.
type event struct {
	Number   int64           `json:"number"`   // within the account
	Sequence int64           `json:"sequence"` // within the resource
	Event    json.RawMessage `json:"event"`    // the envelope
}

func (s *Service) event(e store.Event) (event, error) {
	envelope, err := hook.Envelope(e, s.d.Minter.Account, s.d.Minter.Region)
	return event{e.Global, e.Seq, envelope}, err
}

func (s *Service) listEvents(v *visit) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	f := store.EventFilter{Resource: v.param("resource"), DetailType: v.param("detailType")}
	if f.Since, err = moment("since", v.param("since")); err != nil {
		return nil, err
	}
	if f.After, err = v.number("after", 0, 0, math.MaxInt64-1); err != nil {
		return nil, err
	}
	order := v.param("order")
	if order != "" && order != "newest" && order != "oldest" {
		return nil, fault.InvalidInput("order must be newest or oldest")
	}
	listing := []string{"ListEvents", f.Resource, f.DetailType, f.Since.Format(time.RFC3339Nano), fmt.Sprint(f.After), order}
	after, err := api.Page[int64](v.nextToken(), listing...)
	if err != nil {
		return nil, err
	}
	events, next, err := s.d.DB.ListEvents(v.Context(), f, order == "oldest", limit, after)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events    []event `json:"events"`
		NextToken *string `json:"nextToken,omitempty"`
	}{[]event{}, api.NextToken(next, listing...)}
	for _, e := range events {
		shown, err := s.event(e)
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, shown)
	}
	return out, nil
}

// auditEntry is one call that changed something, or was to.
type auditEntry struct {
	ID          string    `json:"id"`
	Time        time.Time `json:"time"`
	AccessKeyID string    `json:"accessKeyId"`
	Source      string    `json:"source,omitempty"` // absent: from within the server
	Service     string    `json:"service"`
	Operation   string    `json:"operation"`
	Result      string    `json:"result"`
	Resources   []string  `json:"resources"`
}

func (s *Service) listAudit(v *visit) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	f := store.AuditFilter{AccessKeyID: v.param("accessKeyId"), Operation: v.param("operation"), Resource: v.param("resource")}
	if f.Since, err = moment("since", v.param("since")); err != nil {
		return nil, err
	}
	if f.Until, err = moment("until", v.param("until")); err != nil {
		return nil, err
	}
	listing := []string{
		"ListAuditEntries", f.AccessKeyID, f.Operation, f.Resource, f.Since.Format(time.RFC3339Nano), f.Until.Format(time.RFC3339Nano),
	}
	after, err := api.Page[store.Cursor](v.nextToken(), listing...)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.d.DB.AuditEntries(v.Context(), f, limit, after)
	if err != nil {
		return nil, err
	}
	out := struct {
		Entries   []auditEntry `json:"entries"`
		NextToken *string      `json:"nextToken,omitempty"`
	}{[]auditEntry{}, api.NextToken(next, listing...)}
	for _, e := range entries {
		out.Entries = append(out.Entries, auditEntry{e.ID, e.Time, e.AccessKeyID, e.Source, e.Service, e.Operation, e.Result, list(e.Resources)})
	}
	return out, nil
}
