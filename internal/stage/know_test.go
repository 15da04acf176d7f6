package stage_test

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestATokenIsKnownWithoutLettingAnybodyIn(t *testing.T) {
	n := newNode(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	token := n.token("ada", func(s *auth.Seat) { s.Expires = ends })
	for _, subscribe := range []bool{false, true} {
		who, err := n.m.Know(t.Context(), token, subscribe)
		if err != nil {
			t.Fatal(err)
		}
		if participant, until := who.Seat(); participant != "ada" || !until.Equal(ends) {
			t.Errorf("%s until %v", participant, until)
		}
	}
	if _, err := n.m.Know(t.Context(), "sk_us-east-1_abc", false); fault.Of(err) != fault.NotFound {
		t.Errorf("a channel's key: %v", err)
	}
}
