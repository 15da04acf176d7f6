package api_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
)

type cursor struct {
	Time int64
	ARN  string
}

func TestAPageTokenLeadsBackToItsCursor(t *testing.T) {
	c := cursor{1732348800000000, "arn:aws:ivs:us-east-1:000000000000:channel/" + strings.Repeat("a", 80)}
	token := api.NextToken(&c, "ListChannels", "name", "x")
	if token == nil || len(*token) > 1024 || !regexp.MustCompile(`^[a-zA-Z0-9+/=_-]*$`).MatchString(*token) {
		t.Fatalf("token %v", token)
	}
	got, err := api.Page[cursor](token, "ListChannels", "name", "x")
	if err != nil || got == nil || *got != c {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNoCursorNoToken(t *testing.T) {
	if token := api.NextToken[cursor](nil, "x"); token != nil {
		t.Errorf("token %q", *token)
	}
	for _, token := range []*string{nil, new("")} {
		if got, err := api.Page[cursor](token, "x"); got != nil || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestATokenOfAnotherListingIsInvalid(t *testing.T) {
	token := api.NextToken(&cursor{1, "a"}, "ListChannels", "name", "xy")
	for name, listing := range map[string][]string{
		"another value": {"ListChannels", "name", "x"}, "another operation": {"ListStages", "name", "xy"},
		"no filter": {"ListChannels"}, "words cut elsewhere": {"ListChannels", "namex", "y"},
	} {
		if _, err := api.Page[cursor](token, listing...); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"a", "%%%", "e30", (*token)[:len(*token)-3], *token + "=="} {
		if _, err := api.Page[cursor](&bad, "ListChannels", "name", "xy"); fault.Of(err) != fault.Invalid {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}

func FuzzPage(f *testing.F) {
	good := api.NextToken(&cursor{1732348800000000, "arn:aws:ivs:us-east-1:000000000000:channel/AbCdEfGh1234"}, "ListChannels", "name", "x")
	for _, token := range []string{*good, "", "garbage", "e30", "bnVsbA", "W10", *good + "=", (*good)[1:]} {
		f.Add(token, int64(1), "a", "ListChannels", "x")
	}
	f.Fuzz(func(t *testing.T, token string, at int64, name, listing, filter string) {
		got, err := api.Page[cursor](&token, listing, "name", filter)
		if err != nil {
			if e := fault.As(err); e == nil || e.Kind != fault.Invalid || len(e.Fields) != 1 || e.Fields[0].Name != "nextToken" {
				t.Fatalf("%q: %v", token, err)
			}
		}
		want := cursor{at, strings.ToValidUTF8(name, "")} // a cursor names a resource
		if got != nil {
			want = *got
		}
		if again, err := api.Page[cursor](api.NextToken(&want, listing, "name", filter), listing, "name", filter); err != nil || *again != want {
			t.Fatalf("%+v comes back as %+v, %v", want, again, err)
		}
		if _, err := api.Page[cursor](api.NextToken(&want, listing, "name", filter), listing, "name", filter+"x"); fault.Of(err) != fault.Invalid {
			t.Fatalf("another filter's token: %v", err)
		}
	})
}
