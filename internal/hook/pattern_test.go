package hook

import (
	"regexp"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"arn:aws:ivs:*:*:channel/*", "arn:aws:ivs:us-east-1:000000000000:channel/abc", true},
		{"arn:aws:ivs:*:*:channel/*", "arn:aws:ivs:us-east-1:000000000000:stage/abc", false},
		{"*", "", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"a*a", "a", false},
		{"*ab*ab*", "abab", true},
		{"*ab*ab", "ab", false},
		{"**", "x", true},
	} {
		if got := match(c.pattern, c.name); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("a*b*", "aabb")
	f.Add("*ab*ab*b", "ababab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		form := `(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`
		re, err := regexp.Compile(form)
		if err != nil || strings.ContainsRune(pattern+name, '\uFFFD') || strings.ToValidUTF8(pattern+name, "") != pattern+name {
			return // regular expressions read UTF-8 only
		}
		if got, want := match(pattern, name), re.MatchString(name); got != want {
			t.Errorf("%q on %q: %v, want %v", pattern, name, got, want)
		}
	})
}
