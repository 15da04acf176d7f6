package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/store"
)

// auditOf gives n entries, oldest first, two of them at each moment.
func auditOf(n int) []store.AuditEntry {
	var out []store.AuditEntry
	for i := range n {
		e := store.AuditEntry{
			ID: fmt.Sprintf("request-%04d", i), Time: start.Add(time.Duration(i/2) * time.Second),
			AccessKeyID: fmt.Sprintf("AK%d", i%30), Source: "192.0.2.1", Service: "ivs", Operation: fmt.Sprintf("Do%d", i%25), Result: "ok",
		}
		for j := range i % 4 {
			e.Resources = append(e.Resources, fmt.Sprintf("arn:%d", (i+j)%7))
		}
		out = append(out, e)
	}
	return out
}

func TestAuditLogIsReadNewestFirstThroughItsFilters(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		entries := auditOf(200)
		check(t, db.WriteAudit(t.Context(), entries...))
		check(t, db.WriteAudit(t.Context(), entries[7])) // again: nothing
		for _, f := range []store.AuditFilter{
			{},
			{AccessKeyID: "AK1"},
			{Operation: "Do2"},
			{Resource: "arn:3"},
			{Resource: "arn:3", AccessKeyID: "AK2", Operation: "Do2"},
			{AccessKeyID: "AK1", Operation: "Do6"},
			{Since: start.Add(20 * time.Second)},
			{Until: start.Add(20 * time.Second)},
			{Resource: "arn:5", Since: start.Add(20 * time.Second), Until: start.Add(70 * time.Second)},
			{AccessKeyID: "nobody"},
		} {
			var want, got []string
			for _, e := range slices.Backward(entries) {
				if (f.AccessKeyID == "" || e.AccessKeyID == f.AccessKeyID) && (f.Operation == "" || e.Operation == f.Operation) &&
					(f.Resource == "" || slices.Contains(e.Resources, f.Resource)) &&
					(f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || e.Time.Before(f.Until)) {
					want = append(want, e.ID)
				}
			}
			var after *store.Cursor
			for {
				page, next, err := db.AuditEntries(t.Context(), f, 7, after)
				check(t, err)
				for _, e := range page {
					got = append(got, e.ID)
				}
				if len(page) > 7 || next != nil && len(page) != 7 {
					t.Fatalf("%+v: a page of %d, next %v", f, len(page), next)
				}
				if after = next; after == nil {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v: %s", f, diff)
			}
		}
		page, _, err := db.AuditEntries(t.Context(), store.AuditFilter{Resource: "arn:3"}, 1, nil)
		check(t, err)
		var want store.AuditEntry
		for _, e := range entries {
			if slices.Contains(e.Resources, "arn:3") {
				want = e
			}
		}
		if diff := cmp.Diff([]store.AuditEntry{want}, page); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPageOfTheAuditLogIsOneWalkAlongOneIndex(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		check(t, db.WriteAudit(t.Context(), auditOf(5_000)...))
		for _, f := range []store.AuditFilter{
			{}, {AccessKeyID: "AK1"}, {Operation: "Do2"}, {Resource: "arn:3"}, {Since: start.Add(20 * time.Second)},
		} {
			for _, after := range []*store.Cursor{nil, {Time: start.Add(1200 * time.Second).UnixMicro(), ARN: "x"}} {
				plan := must[string](t)(store.PlanOfAudit(t.Context(), db, f, after))
				for _, bad := range []string{"SCAN", "TEMP B-TREE", "Sort", "Seq Scan", "Bitmap", "Hash"} {
					if strings.Contains(plan, bad) {
						t.Errorf("%+v: the plan has a %q:\n%s", f, bad, plan)
					}
				}
			}
		}
	})
}

func TestTheAuditLogIsTrimmedByAge(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		check(t, db.WriteAudit(t.Context(), auditOf(2000)...))
		if n, err := db.TrimAudit(t.Context(), start.Add(600*time.Second)); n != 1200 || err != nil {
			t.Errorf("%d trimmed, %v", n, err)
		}
		if n, err := db.TrimAudit(t.Context(), start.Add(600*time.Second)); n != 0 || err != nil {
			t.Errorf("%d trimmed again, %v", n, err)
		}
		names := 0
		for _, e := range auditOf(2000)[1200:] {
			names += len(e.Resources)
		}
		if rows := must[int](t)(store.CountRows(t.Context(), db, "audit")); rows != 800 {
			t.Errorf("%d rows are left", rows)
		}
		if rows := must[int](t)(store.CountRows(t.Context(), db, "audit_resources")); rows != names {
			t.Errorf("%d names are left, want %d", rows, names)
		}
	})
}

func TestAnEntryIsSafeOnceItIsRecorded(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		log, entries := store.NewAuditLog(db), auditOf(300)
		var callers sync.WaitGroup
		for _, e := range entries {
			callers.Go(func() {
				if err := log.Record(t.Context(), e); err != nil {
					t.Error(err)
				}
				found, _, err := db.AuditEntries(t.Context(), store.AuditFilter{Since: e.Time, Until: e.Time.Add(time.Second)}, 10, nil)
				if err != nil || !slices.ContainsFunc(found, func(f store.AuditEntry) bool { return f.ID == e.ID }) {
					t.Errorf("%s is not there: %v", e.ID, err)
				}
			})
		}
		callers.Wait()
		if rows := must[int](t)(store.CountRows(t.Context(), db, "audit")); rows != len(entries) {
			t.Errorf("%d rows", rows)
		}
	})
}

func TestAnEntryThatCannotBeWrittenIsAnErrorOfItsCallers(t *testing.T) {
	db := must[*store.DB](t)(store.Open(context.Background(), sqliteURL(t), store.Options{}))
	log := store.NewAuditLog(db)
	check(t, db.Close())
	var callers sync.WaitGroup
	for _, e := range auditOf(50) {
		callers.Go(func() {
			if err := log.Record(t.Context(), e); err == nil {
				t.Error("no error")
			}
		})
	}
	callers.Wait()
}

func BenchmarkAuditLog(b *testing.B) {
	eachDB(b, func(b *testing.B, db *store.DB) {
		log := store.NewAuditLog(db)
		b.SetParallelism(64)
		b.ReportAllocs()
		defer cpu(b)()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				e := store.AuditEntry{
					ID: uuid.NewString(), Time: time.Now(), AccessKeyID: "AKIASTREAMCATEXAMPLE", Source: "192.0.2.1", Service: "ivs-realtime",
					Operation: "CreateParticipantToken", Result: "ok", Resources: []string{"arn:aws:ivs:us-east-1:000000000000:stage/AbCdEf123456"},
				}
				if err := log.Record(context.Background(), e); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
