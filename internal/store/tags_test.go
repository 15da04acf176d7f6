package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func tagged(t *testing.T, db *store.DB, tags map[string]string) string {
	t.Helper()
	return must[*store.Row[channelDoc]](t)(channels(db).Insert(t.Context(), mint.New(arn.Channel), &channelDoc{}, tags)).ARN
}

func TestTagsMergeAndGo(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := tagged(t, db, map[string]string{"x": "1", "y": "2"}), tagged(t, db, nil)
		check(t, db.MergeTags(ctx, a, map[string]string{"y": "", "z": "ü 🐈", "X": "case matters"}, 50))
		check(t, db.RemoveTags(ctx, a, []string{"x", "unknown", "n\x00", "\xff"}))
		check(t, db.RemoveTags(ctx, b, nil))
		check(t, db.MergeTags(ctx, b, nil, 50))
		want := map[string]map[string]string{a: {"y": "", "z": "ü 🐈", "X": "case matters"}, b: {}, "unknown": {}}
		if diff := cmp.Diff(want, must[map[string]map[string]string](t)(db.Tags(ctx, a, b, "unknown"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTagsOfWhatDoesNotExistAreNotFound(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		name := mint.New(arn.Channel)
		wantKind(t, db.MergeTags(t.Context(), name, map[string]string{"a": "b"}, 50), fault.NotFound)
		wantKind(t, db.RemoveTags(t.Context(), name, []string{"a"}), fault.NotFound)
	})
}

func TestTooManyTagsChangeNothing(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		name := tagged(t, db, map[string]string{"a": "1", "b": "2"})
		wantKind(t, db.MergeTags(t.Context(), name, map[string]string{"a": "new", "c": "3"}, 2), fault.Invalid)
		check(t, db.MergeTags(t.Context(), name, map[string]string{"b": "new"}, 2))
		want := map[string]string{"a": "1", "b": "new"}
		if diff := cmp.Diff(want, must[map[string]map[string]string](t)(db.Tags(t.Context(), name))[name]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestConcurrentTaggersTogetherKeepTheLimit(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const max = 10
		name := tagged(t, db, nil)
		var wg sync.WaitGroup
		for i := range 2 * max {
			wg.Go(func() {
				err := db.MergeTags(t.Context(), name, map[string]string{fmt.Sprint(i): ""}, max)
				if err != nil && fault.Of(err) != fault.Invalid {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(must[map[string]map[string]string](t)(db.Tags(t.Context(), name))[name]); n != max {
			t.Errorf("%d tags, want %d", n, max)
		}
	})
}

func TestTagWithNULIsInvalid(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		for _, odd := range []map[string]string{{"a": "x\x00y"}, {"x\x00y": "a"}} {
			wantKind(t, db.MergeTags(t.Context(), tagged(t, db, nil), odd, 50), fault.Invalid)
			_, err := channels(db).Insert(t.Context(), mint.New(arn.Channel), &channelDoc{}, odd)
			wantKind(t, err, fault.Invalid)
		}
	})
}
