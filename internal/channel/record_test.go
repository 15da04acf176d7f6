package channel

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/media"
)

type quiet struct{}

func (quiet) Publish(string, []byte) error { return nil }

func (quiet) Subscribe(string, func(bus.Message)) (*bus.Sub, error) { return nil, nil }

// A store's answer can be lost, so every write may come twice; and it can be away, so a write may never
// have come.
func TestEachEventIsToldOnceHoweverOftenItIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		starts, ends int
		frames       bool
		want         []string
	}{
		"all twice":                        {2, 2, true, []string{"Session Created", "Stream Start", "Stream End", "Session Ended"}},
		"start was never taken":            {0, 1, true, []string{"Session Created", "Stream Start", "Stream End", "Session Ended"}},
		"no frame came":                    {0, 2, false, []string{"Session Created", "Session Ended"}},
		"a start that comes after the end": {-1, 1, true, []string{"Session Created", "Stream Start", "Stream End", "Session Ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			db := NewStore(t)
			m := NewManager(Deps{DB: db, Bus: quiet{}})
			defer m.Close(context.Background())
			name := arn.Minter{Region: "us-east-1", Account: "000000000000"}.New(arn.Channel)
			s := m.newSession(Spec{ARN: name, ID: arn.ID(name)}, media.Publisher{Protocol: "RTMP"})
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(m.create(t.Context(), s))
			if c.frames {
				s.started = time.Now()
			}
			for range c.starts {
				must(m.start(t.Context(), s))
			}
			for range c.ends {
				must(m.finish(t.Context(), s, time.Now(), ""))
			}
			if c.starts < 0 {
				must(m.start(t.Context(), s))
			}
			events, err := db.Events(t.Context(), 0, 100)
			must(err)
			var got []string
			for _, e := range events {
				var d struct {
					Name string `json:"event_name"`
				}
				must(json.Unmarshal(e.Detail, &d))
				got = append(got, d.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
