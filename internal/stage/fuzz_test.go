package stage_test

import (
	"encoding/json"
	"testing"

	"github.com/streamcat/streamcat/internal/stage"
)

func FuzzEventFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"PING"}`, `{"type":"PONG","payload":null}`, `{"type":"LEAVE"}`, `{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`,
		`{"type":"MUTE"}`, `{"type":"MUTE","payload":[]}`, `{"type":"NEW","payload":{"a":[1,2,{"b":"\u0000"}]}}`, `{"type":null}`, `{}`, `[]`, ``, `nul`,
		`{"type":"MUTE","payload":{"audioMuted":1}}`, "{\"type\":\"\xff\"}", `{"type":"PING"} {"type":"PING"}`,
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":640,"maxHeight":360}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, audio, video, err := stage.ParseFrame(b)
		if err != nil || kind == "PREFER" {
			return
		}
		if !json.Valid(b) || len(b) > stage.MaxClientFrame {
			t.Fatalf("taken: %q", b)
		}
		// What was understood is understood the same when it is said again.
		again, err := json.Marshal(map[string]any{"type": kind, "payload": map[string]bool{"audioMuted": audio, "videoStopped": video}})
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > stage.MaxClientFrame {
			return // escapes grow
		}
		kind2, audio2, video2, err := stage.ParseFrame(again)
		if err != nil || kind2 != kind || kind == "MUTE" && (audio2 != audio || video2 != video) {
			t.Fatalf("%q became %s: %q %v %v, %v", b, again, kind2, audio2, video2, err)
		}
	})
}
