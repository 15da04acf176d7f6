package room

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRingKeepsTheNewestWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 20).Draw(t, "most")
		k := ring{most: most}
		var model []*entry // without bounds
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				size := rapid.SampledFrom([]int{1, 100, 1000, 20_000, 70_000, 200_000}).Draw(t, "size")
				e := entry{note: note{kind: noteMessage, number: uint64(len(model) + 1), id: fmt.Sprint(len(model) + 1)}, framed: make([]byte, size)}
				k.add(e)
				model = append(model, &e)
			},
			"forget": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				e := rapid.SampledFrom(model).Draw(t, "entry")
				k.forget(e.id)
				e.framed = nil
			},
			"": func(t *rapid.T) {
				if k.n > most || k.n > 1 && k.bytes > ringBytes || most > 0 && len(model) > 0 && k.n == 0 {
					t.Fatalf("%d entries of %d bytes are kept", k.n, k.bytes)
				}
				bytes := 0
				for i := range k.n {
					got, want := k.at(i), model[len(model)-k.n+i]
					if got.number != want.number || len(got.framed) != len(want.framed) {
						t.Fatalf("entry %d is %d of %d bytes, want %d of %d", i, got.number, len(got.framed), want.number, len(want.framed))
					}
					if place, ok := k.find(got.id); !ok || place != i {
						t.Fatalf("%s is found at %d, not %d", got.id, place, i)
					}
					bytes += len(got.framed)
				}
				if bytes != k.bytes {
					t.Fatalf("%d bytes are counted of %d", k.bytes, bytes)
				}
			},
		})
	})
}

func TestPastHasNoRequest(t *testing.T) {
	for _, id := range []string{"", "r-1", `quo"te\`, `","RequestId":"`, "\u2028é\n", strings.Repeat(`\"`, 100), strings.Repeat("x", 70_000)} {
		told, err := encode(message{Type: "MESSAGE", ID: "AbCdEfGh1234", RequestID: id, Content: `,"RequestId":"x"`, Sender: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		want, err := encode(message{Type: "MESSAGE", ID: "AbCdEfGh1234", Content: `,"RequestId":"x"`, Sender: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		e := entry{framed: textFrame(told)}
		if diff := cmp.Diff(string(want), string(payloadOf(e.old()))); diff != "" {
			t.Errorf("%q: %s", id, diff)
		}
	}
}
