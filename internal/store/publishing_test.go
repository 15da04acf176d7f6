package store_test

import (
	"slices"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

type keyed struct{ Stage, Participant string }

func keyedDocs(db *store.DB) *store.Collection[keyed] {
	return store.NewCollection(db, arn.IngestConfiguration, func(k *keyed) []store.Ref {
		return []store.Ref{{Name: "stage", Value: k.Stage}, {Name: "participant", Value: k.Participant}}
	})
}

func TestWhoPublishesNowIsKnownByStageAndByDocument(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, docs := t.Context(), keyedDocs(db)
		publishes := func(session, stage, participant string, now bool) {
			check(t, db.PutStageParticipant(ctx, store.StageParticipant{
				SessionID: session, ParticipantID: participant, StageARN: stage, State: store.Connected, Publishing: now, Joined: start,
			}))
		}
		publishes("s1", "a", "p1", true)
		publishes("s1", "a", "p2", true)
		publishes("s1", "a", "p2", false)
		publishes("s2", "b", "p3", true)
		names := map[string]string{}
		for _, k := range []keyed{{"a", "p1"}, {"a", "p2"}, {"a", "p3"}, {"b", "p3"}, {"", "p1"}} {
			name := mint.New(arn.IngestConfiguration)
			names[name] = k.Stage + k.Participant
			must[*store.Row[keyed]](t)(docs.Insert(ctx, name, &k, nil))
		}
		got := must[[]string](t)(db.Publishing(ctx, "a", "p1", "p2", "p3"))
		if !slices.Equal(got, []string{"p1"}) {
			t.Errorf("on a: %v", got)
		}
		if got := must[[]string](t)(db.Publishing(ctx, "a")); len(got) > 0 {
			t.Errorf("of nobody: %v", got)
		}
		for stage, want := range map[string]bool{"a": true, "b": true, "c": false} {
			if got := must[bool](t)(db.Published(ctx, stage)); got != want {
				t.Errorf("somebody publishes to %s: %v", stage, got)
			}
		}
		var by []string
		for _, name := range must[[]string](t)(db.PublishingBy(ctx, arn.IngestConfiguration, "participant", "stage")) {
			by = append(by, names[name])
		}
		slices.Sort(by)
		if !slices.Equal(by, []string{"ap1", "bp3"}) {
			t.Errorf("by document: %v", by)
		}
	})
}
