package stage_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/stage"
)

func FuzzEventFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"PING"}`, `{"type":"PONG","payload":null}`, `{"type":"LEAVE"}`, `{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`,
		`{"type":"MUTE"}`, `{"type":"MUTE","payload":[]}`, `{"type":"NEW","payload":{"a":[1,2,{"b":"\u0000"}]}}`, `{"type":null}`, `{}`, `[]`, ``, `nul`,
		`{"type":"MUTE","payload":{"audioMuted":1}}`, "{\"type\":\"\xff\"}", `{"type":"PING"} {"type":"PING"}`,
		`{"type":"PREFER","payload":{"participantId":"a","maxWidth":640,"maxHeight":360}}`,
		`{"type":"EXCHANGE_TOKEN","payload":{"token":"a.b.c"}}`, `{"type":"EXCHANGE_TOKEN","payload":{"token":null}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, audio, video, err := stage.ParseFrame(b)
		if kind == "EXCHANGE_TOKEN" && err == nil && len(b) > stage.MaxTokenFrame {
			t.Fatalf("taken: %q", b)
		}
		if err != nil || kind == "PREFER" || kind == "SUBSCRIBE" || kind == "EXCHANGE_TOKEN" {
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

// FuzzSubscribeFrame: what is taken for a list of wishes is bounded, names nobody twice, and means the same when it is said again.
func FuzzSubscribeFrame(f *testing.F) {
	for _, seed := range []string{
		`{"participants":[]}`, `{"participants":[{"participantId":"a","audio":true,"video":false}]}`, `{}`, `{"participants":null}`, `[]`, ``,
		`{"participants":[{"participantId":"a"},{"participantId":"a"}]}`, `{"participants":[{"participantId":""}]}`, `{"participants":[1]}`,
		`{"participants":[{"participantId":"b","video":true,"x":[{}]},{"participantId":"\u0000","audio":true}]}`, `{"participants":[{"participantId":"c","audio":"yes"}]}`,
		`{"participants":[{"participantId":"d","video":true,"initial":"highest"},{"participantId":"e","initial":"lowest"}]}`, `{"participants":[{"participantId":"f","initial":"best"}]}`,
		`{"participants":[` + strings.Repeat(`{"participantId":"x"},`, 64) + `{"participantId":"y"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		list, err := stage.ParseSubscribe(payload)
		if err != nil {
			return
		}
		if !json.Valid(payload) || len(list) > stage.MaxWishes {
			t.Fatalf("taken: %q", payload)
		}
		names := map[string]bool{}
		for _, w := range list {
			if w.ParticipantID == "" || len(w.ParticipantID) > 64 || names[w.ParticipantID] {
				t.Fatalf("%q became %+v", payload, list)
			}
			names[w.ParticipantID] = true
		}
		if list == nil {
			list = []stage.Wish{}
		}
		again, err := json.Marshal(map[string]any{"participants": list})
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > stage.MaxClientFrame-100 {
			return // escapes grow
		}
		if same, err := stage.ParseSubscribe(again); err != nil || !slices.Equal(same, list) {
			t.Fatalf("%q became %+v, %q became %+v, %v", payload, list, again, same, err)
		}
	})
}
