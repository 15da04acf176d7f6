package auth_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
)

// naive decides as the manual reads: every statement is looked at, wildcards are regular expressions.
func naive(t *testing.T, text string, a auth.Ask) auth.Decision {
	var p struct{ Statement []map[string]any }
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	allowed, denied := false, false
	for _, s := range p.Statement {
		fits := true
		for _, element := range []struct{ name, value, flags string }{{"Action", a.Action, "(?is)"}, {"Resource", a.Resource, "(?s)"}} {
			if v, ok := s[element.name]; ok {
				fits = fits && naiveLike(v, element.value, element.flags)
			} else {
				fits = fits && !naiveLike(s["Not"+element.name], element.value, element.flags)
			}
		}
		conditions, _ := s["Condition"].(map[string]any)
		for operator, keys := range conditions {
			for key, values := range keys.(map[string]any) {
				fits = fits && naiveHolds(operator, key, values, a)
			}
		}
		allowed = allowed || fits && s["Effect"] == "Allow"
		denied = denied || fits && s["Effect"] == "Deny"
	}
	switch {
	case denied:
		return auth.DeniedByStatement
	case allowed:
		return auth.Allowed
	}
	return auth.DeniedByDefault
}

func naiveList(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func naiveLike(patterns any, text, flags string) bool {
	for _, p := range naiveList(patterns) {
		expr := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(p.(string)))
		if regexp.MustCompile(flags + "^" + expr + "$").MatchString(text) {
			return true
		}
	}
	return false
}

func naiveHolds(operator, key string, values any, a auth.Ask) bool {
	plain, ifExists := strings.CutSuffix(operator, "IfExists")
	positive := strings.Replace(plain, "Not", "", 1)
	value, there := "", false
	switch kind, tag, _ := strings.Cut(key, "/"); kind {
	case "aws:ResourceTag":
		value, there = a.ResourceTags[tag]
	case "aws:RequestTag":
		value, there = a.RequestTags[tag]
	default:
		value, there = a.Source.String(), a.Source.IsValid()
	}
	if !there {
		return ifExists || plain != positive
	}
	any := false
	for _, v := range naiveList(values) {
		switch positive {
		case "StringEquals":
			any = any || v == value
		case "StringLike":
			any = any || naiveLike(v, value, "(?s)")
		case "IpAddress":
			any = any || netip.MustParsePrefix(v.(string)).Contains(a.Source)
		}
	}
	return any == (plain == positive)
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomPolicy makes policies out of few words, so that they often say something about randomAsk.
func randomPolicy(r *rand.Rand) string {
	list := func(word func() string) any {
		if r.IntN(2) == 0 {
			return word()
		}
		out := []string{}
		for range 1 + r.IntN(3) {
			out = append(out, word())
		}
		return out
	}
	value := func() string { return pick(r, "a", "b", "ab", "a*", "?", "*b", "", "a?b*") }
	statements := []any{}
	for range 1 + r.IntN(4) {
		s := map[string]any{"Effect": pick(r, "Allow", "Allow", "Deny")}
		s[pick(r, "Action", "Action", "NotAction")] = list(func() string {
			return pick(r, "*", "ivs:*", "ivs:Get*", "IVS:get?", "ivs:GetA", "ivschat:*", "ivs:*A*")
		})
		s[pick(r, "Resource", "Resource", "NotResource")] = list(func() string { return pick(r, "*", "arn:*", "arn:a", "arn:?", "arn:*a*b", "arn:b*") })
		if r.IntN(2) == 0 {
			conditions := map[string]any{}
			for range r.IntN(3) {
				keys := map[string]any{}
				operator := pick(r, "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "IpAddress", "NotIpAddress") + pick(r, "", "", "IfExists")
				if strings.Contains(operator, "Ip") {
					keys["aws:SourceIp"] = list(func() string { return pick(r, "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32") })
				} else {
					for range 1 + r.IntN(2) {
						keys["aws:"+pick(r, "ResourceTag", "RequestTag")+"/"+pick(r, "x", "y")] = list(value)
					}
				}
				conditions[operator] = keys
			}
			s["Condition"] = conditions
		}
		statements = append(statements, s)
	}
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return string(text)
}

func randomAsk(r *rand.Rand) auth.Ask {
	tags := func() map[string]string {
		out := map[string]string{}
		for _, key := range []string{"x", "y"} {
			if r.IntN(2) == 0 {
				out[key] = pick(r, "a", "b", "ab", "axbx", "")
			}
		}
		return out
	}
	return auth.Ask{
		Action: pick(r, "ivs:GetA", "ivs:GetB", "ivschat:GetA", "ivs:Put"), Resource: pick(r, "arn:a", "arn:b", "arn:ab", "arn:xaxb", "*"),
		ResourceTags: tags(), RequestTags: tags(),
		Source: pick(r, netip.Addr{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")),
	}
}

func TestPoliciesDecideAsANaiveReaderDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 96))
	seen := map[auth.Decision]int{}
	for range 1500 {
		text := randomPolicy(r)
		p := policy(t, text)
		printed := policy(t, p.String())
		for range 4 {
			a := randomAsk(r)
			got, want := p.Decide(a), naive(t, text, a)
			if got != want || printed.Decide(a) != want {
				t.Fatalf("%s\n%+v\ngot %v, want %v; printed and read again: %v", text, a, got, want, printed.Decide(a))
			}
			seen[got]++
		}
	}
	for _, d := range []auth.Decision{auth.Allowed, auth.DeniedByDefault, auth.DeniedByStatement} {
		if seen[d] < 500 {
			t.Errorf("the test says little: %v was the answer %d times", d, seen[d])
		}
	}
}

func FuzzPolicy(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		f.Add([]byte(randomPolicy(r)))
	}
	f.Add([]byte(`{"Id":"\u2028","Statement":{"Sid":"","Effect":"Deny","NotAction":["*"],"NotResource":"arn:","Condition":{}}}`))
	ask := auth.Ask{Action: "ivs:GetChannel", Resource: channelA, ResourceTags: map[string]string{"a": "b"}, Source: netip.MustParseAddr("192.0.2.1")}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := auth.ParsePolicy(text)
		if err != nil {
			return
		}
		again, err := auth.ParsePolicy([]byte(p.String()))
		if err != nil {
			t.Fatalf("%q is printed as %q, which does not parse: %v", text, p, err)
		}
		if again.String() != p.String() || again.Decide(ask) != p.Decide(ask) {
			t.Fatalf("%q is printed as %q, then as %q", text, p, again)
		}
	})
}
