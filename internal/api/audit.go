package api

import (
	"context"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// Audit keeps what was done. Record comes back when the entry is safe.
type Audit interface {
	Record(ctx context.Context, e store.AuditEntry) error
}

// audit writes down a call that changes something, or was to, before it is answered. A call whose signature
// is not good is nobody's and leaves no entry. Where the entry cannot be written the answer stays what it is:
// the change is made.
func (m *Mux) audit(ctx context.Context, t target, v *visit, id, result string, at time.Time) {
	if m.auditLog == nil || t.ReadOnly || t.call == nil || v.who.AccessKeyID == "" {
		return
	}
	e := store.AuditEntry{
		ID: id, Time: at, AccessKeyID: v.who.AccessKeyID, Service: t.service.Name, Operation: t.Name,
		Result: result, Resources: auditNames(v.about),
	}
	if v.source.IsValid() {
		e.Source = v.source.String()
	}
	// Who hangs up has called all the same.
	if err := m.auditLog.Record(context.WithoutCancel(ctx), e); err != nil {
		m.metrics.auditFailures.Inc()
		m.log.Error("api: a call is missing in the audit log", "operation", t.Name, "access_key", v.who.AccessKeyID, "result", result, "request_id", id, "error", err)
	}
}

// auditNames leaves out what is no name: nobody knows what was sent in its place, it may be a secret.
func auditNames(about []string) []string {
	var names []string
	for _, name := range about {
		if _, err := arn.Parse(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
