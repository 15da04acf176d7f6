package hook_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEnvelopes(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 8, 7, 654_321_000, time.FixedZone("CET", 3600))
	for name, e := range map[string]store.Event{
		"stream-start": {
			ID: "01234567-0123-0123-0123-012345678901", Seq: 2, Global: 40, Time: at,
			DetailType: "IVS Stream State Change",
			Resources:  []string{"arn:aws:ivs:us-east-1:000000000000:channel/abcdABCDefgh"},
			Detail:     json.RawMessage(`{"event_name":"Stream Start","channel_name":"a & b <c>","stream_id":"st-1A2b3c4D5e6F"}`),
		},
		"account-wide": {
			ID: "01234567-0123-0123-0123-012345678902", Seq: 1, Global: 41, Time: at,
			DetailType: "IVS Limit Breach",
			Detail:     json.RawMessage(`{"limit_name":"Concurrent Broadcasts","limit_value":100,"exceeded_by":1,"limit_unit":"active streams"}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			envelope, err := hook.Envelope(e, "000000000000", "us-east-1")
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, envelope, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}
