package arn_test

import (
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

var here = arn.Minter{Region: "us-east-1", Account: "000000000000"}

func TestOwn(t *testing.T) {
	const id = "/abcdABCD1234"
	for _, c := range []struct {
		name, in string
		want     fault.Kind
		ok       bool
	}{
		{"own channel is taken", "arn:aws:ivs:us-east-1:000000000000:channel" + id, 0, true},
		{"another kind is invalid", "arn:aws:ivs:us-east-1:000000000000:stage" + id, fault.Invalid, false},
		{"another service is invalid", "arn:aws:ivschat:us-east-1:000000000000:channel" + id, fault.Invalid, false},
		{"another region is invalid", "arn:aws:ivs:eu-west-1:000000000000:channel" + id, fault.Invalid, false},
		{"another account is not found", "arn:aws:ivs:us-east-1:000000000001:channel" + id, fault.NotFound, false},
		{"empty is invalid", "", fault.Invalid, false},
		{"slash in the id is invalid", "arn:aws:ivs:us-east-1:000000000000:channel/a/b", fault.Invalid, false},
		{"too long is invalid", "arn:aws:ivs:us-east-1:000000000000:channel/" + strings.Repeat("a", 128), fault.Invalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := here.Own(arn.Channel, c.in)
			if c.ok != (err == nil) {
				t.Fatalf("error: %v", err)
			}
			if err != nil && fault.Of(err) != c.want {
				t.Errorf("kind: got %v, want %v", fault.Of(err), c.want)
			}
		})
	}
}

func TestNewIDsAreLettersAndDigitsAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := arn.NewID(12)
		if len(id) != 12 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Fatalf("id %q", id)
		}
		if seen[id] {
			t.Fatalf("id %q came twice", id)
		}
		seen[id] = true
	}
}

func FuzzParse(f *testing.F) {
	f.Add(here.New(arn.Room))
	for _, s := range []string{"arn:aws:ivs:::/", "arn:aws:ivs:us-east-1:000000000001:channel/a", "arn:aws:ivschat:us-east-1:000000000000:channel/a", strings.Repeat("a", 129), "arn:aws:ivs:us-east-1:0:channel/é\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := arn.Parse(s)
		if err == nil && (a.String() != s || arn.ID(s) != a.ID || len(s) > 128) {
			t.Fatalf("%q prints as %q", s, a)
		}
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Fatalf("%q: %v", s, err)
		}
		own, err := here.Own(a.Kind, s)
		switch {
		case err == nil && (own != a || own.Region != here.Region || own.Account != here.Account || own.Service != a.Kind.Service()):
			t.Fatalf("%q is not ours", s)
		case err != nil && fault.Of(err) != fault.Invalid && fault.Of(err) != fault.NotFound:
			t.Fatalf("%q: %v", s, err)
		}
	})
}
