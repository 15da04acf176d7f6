package review

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var answers = []struct {
	name, body string
	want       Verdict
	valid      bool
}{
	{"allow", `{"ReviewResult":"ALLOW","Content":"hi","Attributes":{"k":"v"}}`, Verdict{Allowed: true, Content: "hi", Attributes: map[string]string{"k": "v"}}, true},
	{"allow without attributes", `{"ReviewResult":"ALLOW","Content":"hi"}`, Verdict{Allowed: true, Content: "hi"}, true},
	{"null attributes", `{"ReviewResult":"ALLOW","Content":"hi","Attributes":null}`, Verdict{Allowed: true, Content: "hi"}, true},
	{"what else is there does not matter", `{"ReviewResult":"ALLOW","Content":"hi","More":[1]}`, Verdict{Allowed: true, Content: "hi"}, true},
	{"content counts in code points", `{"ReviewResult":"ALLOW","Content":"` + strings.Repeat("🐱", 10) + `"}`, Verdict{Allowed: true, Content: strings.Repeat("🐱", 10)}, true},
	{"deny with a reason", `{"ReviewResult":"DENY","Content":"hi","Attributes":{"Reason":"rude"}}`, Verdict{Reason: "rude"}, true},
	{"deny without one", `{"ReviewResult":"DENY","Content":"hi"}`, Verdict{}, true},
	{"a denial holds without content", `{"ReviewResult":"DENY"}`, Verdict{}, true},
	{"a denial holds with bad attributes", `{"ReviewResult":"DENY","Attributes":[1]}`, Verdict{}, true},
	{"a denial holds with a reason that is too long", `{"ReviewResult":"DENY","Attributes":{"Reason":"` + strings.Repeat("x", maxAttributes) + `"}}`, Verdict{}, true},

	{"nothing", ``, Verdict{}, false},
	{"no JSON", `hello`, Verdict{}, false},
	{"null", `null`, Verdict{}, false},
	{"a list", `[]`, Verdict{}, false},
	{"two values", `{"ReviewResult":"ALLOW","Content":"hi"}{}`, Verdict{}, false},
	{"no result", `{"Content":"hi"}`, Verdict{}, false},
	{"a result in small letters", `{"ReviewResult":"allow","Content":"hi"}`, Verdict{}, false},
	{"a result that is a number", `{"ReviewResult":1,"Content":"hi"}`, Verdict{}, false},
	{"no content", `{"ReviewResult":"ALLOW"}`, Verdict{}, false},
	{"empty content", `{"ReviewResult":"ALLOW","Content":""}`, Verdict{}, false},
	{"content that is no string", `{"ReviewResult":"ALLOW","Content":7}`, Verdict{}, false},
	{"content over the room's limit", `{"ReviewResult":"ALLOW","Content":"12345678901"}`, Verdict{}, false},
	{"attributes that are no strings", `{"ReviewResult":"ALLOW","Content":"hi","Attributes":{"k":1}}`, Verdict{}, false},
	{"attributes of a kilobyte", `{"ReviewResult":"ALLOW","Content":"hi","Attributes":{"k":"` + strings.Repeat("x", maxAttributes-1) + `"}}`, Verdict{}, false},
	{"no UTF-8", "{\"ReviewResult\":\"ALLOW\",\"Content\":\"\xff\"}", Verdict{}, false},
	{"too large", `{"ReviewResult":"DENY"` + strings.Repeat(" ", maxAnswer) + `}`, Verdict{}, false},
}

func TestAnswersAreVerdictsOrNone(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseAnswer([]byte(c.body), 10, nil)
			var nonsense *invalidAnswer
			if (err == nil) != c.valid || err != nil && !errors.As(err, &nonsense) || !cmp.Equal(got, c.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Otherwise large attributes would be a way past every handler that hands on what it is given.
func TestAttributesMayComeBackAsLargeAsTheyWere(t *testing.T) {
	came := map[string]string{"k": strings.Repeat("x", 3*maxAttributes)}
	body, err := json.Marshal(map[string]any{"ReviewResult": "ALLOW", "Content": "hi", "Attributes": came})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := parseAnswer(body, 10, came); err != nil || !cmp.Equal(v.Attributes, came) {
		t.Errorf("got %+v, %v", v, err)
	}
	delete(came, "k")
	if v, err := parseAnswer(body, 10, came); err == nil {
		t.Errorf("got %+v", v)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, c := range answers {
		f.Add([]byte(c.body), 10)
	}
	f.Fuzz(func(t *testing.T, body []byte, limit int) {
		limit = min(limit, 500) // a room's most
		v, err := parseAnswer(body, limit, nil)
		if err != nil {
			if v.Allowed || v.Content != "" || v.Attributes != nil {
				t.Errorf("an error and a verdict: %+v", v)
			}
			return
		}
		if v.Allowed != (v.Content != "") || v.Allowed && v.Reason != "" {
			t.Errorf("neither allowed nor denied: %+v", v)
		}
		if n := utf8.RuneCountInString(v.Content); v.Allowed && n > limit || !utf8.ValidString(v.Content) || size(v.Attributes) >= maxAttributes || len(v.Reason) >= maxAttributes {
			t.Errorf("out of bounds: %+v", v)
		}
		if !v.Allowed {
			return
		}
		again, err := json.Marshal(map[string]any{"ReviewResult": "ALLOW", "Content": v.Content, "Attributes": v.Attributes})
		if err != nil {
			t.Fatal(err)
		}
		if w, err := parseAnswer(again, limit, nil); err != nil || !cmp.Equal(v, w) {
			t.Errorf("%+v came back as %+v, %v", v, w, err)
		}
	})
}
