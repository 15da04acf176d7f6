package channel

import (
	"context"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/media"
)

// Housekeeping may come between an admission's finding of a channel and its claiming it.
func TestHousekeepingBetweenFindingAndClaiming(t *testing.T) {
	db := NewStore(t)
	m := NewManager(Deps{DB: db, Bus: quiet{}})
	defer func() { // a test that failed holds an admission open, for which Close would wait
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = m.Close(ctx)
	}()
	name := arn.Minter{Region: "us-east-1", Account: "000000000000"}.New(arn.Channel)
	spec := Spec{ARN: name, ID: arn.ID(name)}

	c, err := m.open(spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	m.tidy(time.Now())
	if m.find(spec.ID) != c {
		t.Fatal("a channel that was just made is forgotten")
	}
	m.tidy(time.Now().Add(2 * forget)) // idle for long: forgotten, though somebody holds it
	stream, old, err := m.claim(t.Context(), c, spec, media.Publisher{Key: "k"})
	m.done.Done()
	if stream != nil || old == nil || err != nil {
		t.Fatalf("a forgotten channel was claimed: %v, %v, %v", stream, old, err)
	}
	<-old.over // at once: the admission looks for the channel again

	again, err := m.open(spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	m.done.Done()
	if again == c || m.find(spec.ID) != again {
		t.Error("the channel was not made again")
	}
}
