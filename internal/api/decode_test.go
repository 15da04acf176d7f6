package api

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// everything has each kind of member that an input can have.
type everything struct {
	Text   string            `json:"text"`
	Secret *Secret           `json:"secret,omitzero"`
	Flag   *bool             `json:"flag,omitzero"`
	Count  *int              `json:"count,omitzero"`
	Long   *int64            `json:"long,omitzero"`
	Rate   *float64          `json:"rate,omitzero"`
	List   []string          `json:"list,omitzero"`
	Map    map[string]string `json:"map,omitzero"`
	Inner  *everything       `json:"inner,omitzero"`
	Inners []everything      `json:"inners,omitzero"`
	Path   string            `json:"-"`
}

func TestDecodeTakesEveryKindOfMember(t *testing.T) {
	const body = `{"text":"a\u00e4\n","secret":"s","flag":false,"count":-5,"long":9007199254740993,"rate":2.5,"list":["x",""],
		"map":{"k":"v","":""},"inner":{"text":"b","inner":{}},"inners":[{"text":"c"},{}],"Path":"no","-":"no","more":[{"x":1}]}`
	var got everything
	if err := decode([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := everything{
		Text: "aä\n", Secret: new(Secret("s")), Flag: new(false), Count: new(-5), Long: new(int64(9007199254740993)), Rate: new(2.5),
		List: []string{"x", ""}, Map: map[string]string{"k": "v", "": ""},
		Inner: &everything{Text: "b", Inner: &everything{}}, Inners: []everything{{Text: "c"}, {}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"text":"x","count":1,"rate":1e3,"list":["a"],"map":{"a":"b"},"inner":{"inners":[{}]}}`,
		`{"text":null}`, `{"count":1e999}`, `{"rate":1e999}`, `{"text":"\ud800"}`, `[1]`, `{"inner":[]}`, "{\"text\":\"\x00\"}", `{"text":"a","text":5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var first, second everything
		if err := decode(body, &first); err != nil {
			var x *exception
			if !errors.As(err, &x) || x.Name != "SerializationException" {
				t.Fatalf("error %v", err)
			}
			return
		}
		printed, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(printed, &second); err != nil {
			t.Fatalf("%s does not read again: %v", printed, err)
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%s reads as\n%+v, then as\n%+v", body, first, second)
		}
	})
}
