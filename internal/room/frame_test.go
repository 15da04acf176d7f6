package room

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestGoldenFrames shows what clients are sent, letter by letter.
func TestGoldenFrames(t *testing.T) {
	at := sendTime(time.Date(2026, 11, 23, 18, 5, 11, 258_800_067, time.FixedZone("", 3600)))
	from, err := encode(sender{"ann", attributes{"role": "<host> & owner"}})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encode(sender{UserID: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"message":          message{"MESSAGE", "AYk6xKitV4On", "a-request", attributes{"b": "2", "a": "1"}, "<b>hé</b> & 🐱 \u2028", at, from},
		"message-bare":     message{"MESSAGE", "AYk6xKitV4On", "", nil, "x", sendTime(time.Unix(0, 0)), plain},
		"event":            event{"EVENT", "AYk6xKitV4On", "", "app:poll", attributes{"q": "tea?"}, at},
		"event-delete":     event{"EVENT", "AYk6xKitV4On", "a-request", eventDelete, deleted("1234567890Ab", ""), at},
		"event-disconnect": event{"EVENT", "AYk6xKitV4On", "a-request", eventDisconnect, disconnected("bob", "spam"), at},
		"error":            failure{"ERROR", "AYk6xKitV4On", "a-request", 429, "more than 10 requests per second on one connection"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			path := filepath.Join("testdata", "frames", name+".json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// clientFrame makes a client's frame.
func clientFrame(fin bool, op opcode, payload []byte) []byte {
	b := appendFrame(nil, op, payload)
	head := len(b) - len(payload)
	if !fin {
		b[0] &= 0x7f
	}
	b[1] |= 0x80
	mask := [4]byte{0xa1, 0xb2, 0xc3, 0xd4}
	out := append(append([]byte(nil), b[:head]...), mask[:]...)
	masked := append([]byte(nil), payload...)
	unmask(masked, mask, 0)
	return append(out, masked...)
}

// transcript decodes a stream that arrives in pieces of the given size and writes down what came.
func transcript(d *decoder, stream []byte, piece int) string {
	var log strings.Builder
	stream = append([]byte(nil), stream...) // it is unmasked in place
	for len(stream) > 0 {
		n := min(piece, len(stream))
		err := d.feed(stream[:n], func(op opcode, payload []byte, over bool) error {
			fmt.Fprintf(&log, "%d %v %x\n", op, over, payload)
			return nil
		})
		if v := (*violation)(nil); errors.As(err, &v) {
			fmt.Fprintln(&log, v)
			return log.String()
		} else if err != nil {
			panic("the decoder's errors are violations: " + err.Error())
		}
		stream = stream[n:]
	}
	return log.String()
}

func TestFramesOfAllSizesSurviveAnyCut(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 4095, 65535, 65536} {
		payload := bytes.Repeat([]byte("purr"), size/4+1)[:size]
		want := fmt.Sprintf("1 false %x\n", payload)
		for _, piece := range []int{1, 2, 3, 7, 4096, 1 << 20} {
			if got := transcript(&decoder{limit: 1 << 16}, clientFrame(true, opText, payload), piece); got != want {
				t.Errorf("%d bytes in pieces of %d: got %.80s", size, piece, got)
			}
		}
	}
}

func TestOverlongMessageLeavesItsBeginningAndNothingElse(t *testing.T) {
	stream := clientFrame(false, opText, bytes.Repeat([]byte("a"), 600))
	stream = append(stream, clientFrame(true, opPing, []byte("p"))...)
	stream = append(stream, clientFrame(true, opContinuation, bytes.Repeat([]byte("b"), 5000))...)
	stream = append(stream, clientFrame(true, opText, []byte("next"))...)
	want := fmt.Sprintf("9 false %x\n1 true %s%s\n1 false %x\n", "p", strings.Repeat("61", 600), strings.Repeat("62", keepOfOver-600), "next")
	for _, piece := range []int{1, 100, 1 << 20} {
		if got := transcript(&decoder{limit: 2000}, stream, piece); got != want {
			t.Errorf("in pieces of %d: got %s", piece, got)
		}
	}
}

func TestIdleDecoderHoldsNoMemory(t *testing.T) {
	d := &decoder{limit: 1 << 16}
	transcript(d, append(clientFrame(true, opText, make([]byte, 5000)), clientFrame(true, opPing, []byte("p"))...), 100)
	if d.body != nil || d.control != nil {
		t.Error("the decoder keeps what it gave")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(clientFrame(true, opText, []byte(`{"Action":"SEND_MESSAGE"}`)), 3)
	f.Add(append(clientFrame(false, opText, []byte("a")), clientFrame(true, opContinuation, []byte("b"))...), 1)
	f.Add(append(clientFrame(false, opBinary, make([]byte, 300)), clientFrame(true, opPing, nil)...), 50)
	f.Add(clientFrame(true, opClose, []byte{3, 0xe8, 'x'}), 2)
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 4)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		piece = max(1, piece)
		whole := transcript(&decoder{limit: 200}, stream, len(stream)+1)
		if cut := transcript(&decoder{limit: 200}, stream, piece); cut != whole {
			t.Errorf("in pieces of %d: got\n%swant\n%s", piece, cut, whole)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"Action":"SEND_MESSAGE","RequestId":"r","Content":"x","Attributes":{"a":"b"}}`,
		`{"action":"delete_message","Id":"AYk6xKitV4On"}`, `{"Action":"DISCONNECT_USER","UserId":"u","Reason":""}`,
		`{"RequestId":"r","Content":"x`, `[]`, `null`, `{"RequestId":{"a":1}}`, `{"a":{},"RequestID":"r",`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := parseRequest(payload)
		if err == nil {
			err = r.check(500, 4096)
		}
		if err != nil {
			if c := code(err); c != 400 && c != 413 {
				t.Errorf("code %d for %v", c, err)
			}
			return
		}
		said, err := encode(message{Type: "MESSAGE", RequestID: r.RequestID, Content: r.Content, Attributes: r.Attributes, Sender: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		var heard message
		if err := json.Unmarshal(said, &struct {
			*message
			SendTime any
		}{message: &heard}); err != nil {
			t.Fatal(err)
		}
		if heard.Content != r.Content || heard.RequestID != r.RequestID {
			t.Errorf("said %q, heard %q", r.Content, heard.Content)
		}
	})
}

func FuzzNote(f *testing.F) {
	f.Add((&note{kind: noteDisconnect, node: "n1", about: "bob", frame: []byte(`{"Type":"EVENT"}`)}).encode())
	f.Add((&note{kind: noteClose}).encode())
	f.Add((&note{kind: noteMessage, number: 1 << 40, id: "AbCdEfGh1234", node: "n1", frame: []byte(`{}`)}).encode())
	f.Add([]byte{noteFormat, 'm', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseNote(b)
		if err != nil {
			return
		}
		again, err := parseNote(n.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(n, again, cmp.AllowUnexported(note{})); diff != "" {
			t.Error(diff)
		}
	})
}
