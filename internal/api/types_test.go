package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestTimesPrintInUTC(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 5, 6, 789_999_999, time.FixedZone("", 3600))
	got, err := json.Marshal([]any{api.Seconds{Time: at}, api.Millis{Time: at}, &api.Millis{Time: at.Truncate(time.Second)}})
	if want := `["2026-11-23T08:05:06Z","2026-11-23T08:05:06.789Z","2026-11-23T08:05:06.000Z"]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestASecretShowsInJSONOnly(t *testing.T) {
	s := api.Secret("sk_us-east-1_x")
	if b, err := json.Marshal(&s); err != nil || string(b) != `"sk_us-east-1_x"` {
		t.Errorf("JSON %s, %v", b, err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", s)
	shown := fmt.Sprintf("%v %s %q %x %#v %+v", s, s, s, s, s, struct{ Key api.Secret }{s}) + log.String()
	if strings.Contains(shown, "sk_") || strings.Contains(shown, fmt.Sprintf("%x", "sk_")) {
		t.Errorf("shown: %s", shown)
	}
}

func TestCheckNamesEveryBrokenRuleOnce(t *testing.T) {
	var c api.Check
	c.Length("a.", "b", "äöü", 0, 3)
	c.Length("a.", "b", "äöüß", 0, 3)
	c.Length("", "short", "ä", 2, -1)
	c.TotalBytes("", "fits", map[string]string{"k": strings.Repeat("x", 1023)}, 1024)
	c.TotalBytes("", "map", map[string]string{"ä": strings.Repeat("x", 1023)}, 1024)
	c.ExactlyOne("destination.", true, false)
	c.ExactlyOne("destination.", true, true)
	c.FloatRange("", "rate", 61, 1, 60)
	err := c.Err()
	want := "a.b must have at most 3 characters; destination must have exactly one member; map must be at most 1024 bytes in total; " +
		"rate must be between 1 and 60; short must have at least 2 characters"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAnAnswerStaysShortHoweverMuchIsBroken(t *testing.T) {
	var c api.Check
	for i := range 100_000 {
		c.OneOf("", api.Item("capabilities", i), "", []string{"SEND_MESSAGE", "DISCONNECT_USER", "DELETE_MESSAGE"})
	}
	err := fault.As(c.Err())
	if err == nil || len(err.Fields) != 50 || !strings.HasSuffix(err.Message, "; and 99995 more") {
		t.Errorf("%d fields: %v", len(err.Fields), err)
	}
}
