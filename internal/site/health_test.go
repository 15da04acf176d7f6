package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

// meters are a service that measures, as a test says.
type meters struct {
	features []string
	err      error      // of everything but features
	until    *time.Time // waits so long
	from     time.Time
	asked    int
}

func (m *meters) Features(context.Context) ([]string, error) { m.asked++; return m.features, nil }

func (m *meters) StreamHealth(_ context.Context, arn string) (h ugc.StreamHealth, err error) {
	return ugc.StreamHealth{StreamID: "st-1", Health: "HEALTHY", ViewerCount: 3, WaitsUntil: m.until, Advice: []ugc.Advice{{Code: "BFrames", Severity: "HINT", Message: "m", Remedy: "r"}}}, m.err
}

func (m *meters) SessionMetrics(_ context.Context, _, _ string, from time.Time) (out ugc.SessionMetrics, err error) {
	m.from = from
	err = json.Unmarshal([]byte(`{"timestamps":["2026-01-02T03:04:00Z","2026-01-02T03:04:05Z"],"metrics":[
		{"name":"IngestVideoBitrate","values":[3000000,2000000]},{"name":"IngestAudioBitrate","values":[128000,null]},
		{"name":"KeyframeInterval","values":[null,2]},{"name":"IngestFramerate","values":[30]},{"name":"ConcurrentViews","values":[1,2]}]}`), &out)
	return out, err
}

func TestTheOwnerSeesHowTheStreamDoes(t *testing.T) {
	const off, absent = `{"available":true,"stream":null,"wait":null,"history":null}`, `{"available":false,"stream":null,"wait":null,"history":null}`
	for name, c := range map[string]struct {
		engine ugc.Engine
		status int
		want   string
	}{
		"live": {&meters{features: []string{"stream-health"}}, 200, `{"available":true,"stream":{"streamId":"st-1","startTime":"0001-01-01T00:00:00Z","health":"HEALTHY","viewerCount":3,"encoder":"","waitsUntil":null,` +
			`"advice":[{"code":"BFrames","severity":"HINT","since":"0001-01-01T00:00:00Z","message":"m","remedy":"r"}]},"wait":null,` +
			`"history":{"times":[1767323040,1767323045],"bitrate":[3128000,null],"frameRate":[null,null],"keyframes":[null,2],"viewers":[1,2]}}`},
		"off air":                       {&meters{features: []string{"stream-health"}, err: fault.Offline("the channel is not live")}, 200, off},
		"a service that does not":       {&meters{features: []string{"audit"}}, 200, absent},
		"a service without the API":     {&meters{}, 200, absent},
		"Amazon":                        {nil, 200, absent},
		"a service that is away":        {&meters{features: []string{"stream-health"}, err: fault.Down("it does not answer")}, 503, ""},
		"a service that is in disorder": {&meters{features: []string{"stream-health"}, err: errors.New("?")}, 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(d *Deps) { d.Engine = c.engine })
			if got := w.browser().do("GET", "/api/dashboard/health", nil); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("a guest: %d %s", got.StatusCode, got.body)
			}
			b := w.register("Patchbay")
			for range 2 {
				got := b.do("GET", "/api/dashboard/health?after=1767323040", nil)
				if got.StatusCode != c.status || c.want != "" && string(got.body) != c.want {
					t.Errorf("%d %s", got.StatusCode, got.body)
				}
			}
			if m, ok := c.engine.(*meters); ok && m.asked != 1 {
				t.Errorf("the service was asked %d times what it has", m.asked)
			}
			if got := b.do("GET", "/api/dashboard/health?after=x", nil); got.StatusCode != 400 {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
}

func TestTheOwnerSeesHowLongTheStreamWaits(t *testing.T) {
	m := &meters{features: []string{"stream-health"}}
	w := newWorld(t, func(d *Deps) { d.Engine = m })
	b := w.register("Patchbay")
	m.until = new(w.clock.Now().Add(23 * time.Second))
	for _, want := range []float64{23, 0} { // and not less
		var got ugc.Doing
		if err := json.Unmarshal(b.do("GET", "/api/dashboard/health", nil).body, &got); err != nil {
			t.Fatal(err)
		}
		if got.Wait == nil || *got.Wait > want || *got.Wait < want-5 {
			t.Errorf("waits %v, want %v", got.Wait, want)
		}
		w.clock.pass(time.Minute)
	}
}

func TestTheHistoryIsOfTenMinutesAtMost(t *testing.T) {
	m := &meters{features: []string{"stream-health"}}
	w := newWorld(t, func(d *Deps) { d.Engine = m })
	b := w.register("Patchbay")
	b.do("GET", "/api/dashboard/health", nil)
	if d := w.clock.Now().Sub(m.from); d < 10*time.Minute || d > 11*time.Minute {
		t.Errorf("asked from %v before", d)
	}
	last := w.clock.Now().Add(-7 * time.Second)
	b.do("GET", "/api/dashboard/health?after="+fmt.Sprint(last.Unix()), nil)
	if want := time.Unix(last.Unix()+1, 0); !m.from.Equal(want) {
		t.Errorf("asked from %v, want %v", m.from, want)
	}
}
