package main

import (
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// whole is how a service reads a pattern: the whole value must match.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") }

// matching gives a string that a pattern matches, as long as can be with at most that many code points, or
// false if all are longer. Where the pattern has room for them it is made of letters of two bytes.
func matching(pattern string, most int) (string, bool) {
	tree, err := syntax.Parse("^(?:"+pattern+")$", syntax.Perl)
	if err != nil {
		panic(err)
	}
	s, ok := longest(tree, most)
	return string(s), ok
}

func longest(re *syntax.Regexp, most int) ([]rune, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return nil, true
	case syntax.OpLiteral:
		return re.Rune, len(re.Rune) <= most
	case syntax.OpCharClass:
		return []rune{memberOf(re.Rune)}, most >= 1
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []rune{'é'}, most >= 1
	case syntax.OpCapture:
		return longest(re.Sub[0], most)
	case syntax.OpConcat:
		return longestInRow(re.Sub, most)
	case syntax.OpAlternate:
		var best []rune
		found := false
		for _, sub := range re.Sub {
			if s, ok := longest(sub, most); ok && (!found || len(s) > len(best)) {
				best, found = s, true
			}
		}
		return best, found
	case syntax.OpStar:
		return repeated(re.Sub[0], 0, -1, most)
	case syntax.OpPlus:
		return repeated(re.Sub[0], 1, -1, most)
	case syntax.OpQuest:
		return repeated(re.Sub[0], 0, 1, most)
	case syntax.OpRepeat:
		return repeated(re.Sub[0], re.Min, re.Max, most)
	}
	panic("no string can be made for " + re.String())
}

// longestInRow lets each part grow as far as the least that those behind it need allows.
func longestInRow(parts []*syntax.Regexp, most int) (out []rune, ok bool) {
	reserve := 0
	for _, p := range parts {
		reserve += least(p)
	}
	for _, p := range parts {
		reserve -= least(p)
		s, ok := longest(p, most-len(out)-reserve)
		if !ok {
			return nil, false
		}
		out = append(out, s...)
	}
	return out, true
}

// repeated gives as many copies of a part as there is room for, within bounds; atMost < 0 means no bound.
func repeated(part *syntax.Regexp, atLeast, atMost, room int) (out []rune, ok bool) {
	parts := slices.Repeat([]*syntax.Regexp{part}, atLeast)
	if out, ok = longestInRow(parts, room); !ok {
		return nil, false
	}
	for n := atLeast; atMost < 0 || n < atMost; n++ {
		s, ok := longest(part, room-len(out))
		if !ok || len(s) == 0 {
			break
		}
		out = append(out, s...)
	}
	return out, true
}

// least is the length of the shortest string that matches.
func least(re *syntax.Regexp) int {
	for n := 0; ; n++ {
		if s, ok := longest(re, n); ok {
			return len(s)
		}
	}
}

// memberOf picks a rune of a class, given as pairs of first and last.
func memberOf(class []rune) rune {
	for _, want := range "éa0A" {
		for i := 0; i < len(class); i += 2 {
			if class[i] <= want && want <= class[i+1] {
				return want
			}
		}
	}
	return class[0]
}

// breaking gives a string that a pattern does not match and that differs from one that it does by as little
// as can be, with least to most code points.
func breaking(t testing.TB, pattern string, least, most int) string {
	t.Helper()
	re := whole(pattern)
	base := fitting(t, pattern, max(least, 1), most)
	for _, odd := range []rune{'!', ' ', 'é', '\n', '\x01', '_', 'Z'} {
		runes := []rune(base)
		for i := len(runes) - 1; i >= 0; i-- {
			changed := slices.Clone(runes)
			changed[i] = odd
			if !re.MatchString(string(changed)) {
				return string(changed)
			}
		}
		if s := base + string(odd); (most < 0 || utf8.RuneCountInString(s) <= most) && !re.MatchString(s) {
			return s
		}
	}
	t.Fatalf("nothing breaks %s", pattern)
	return ""
}

// fitting gives a short string of at least least and at most most code points that matches; most < 0 is no limit.
func fitting(t testing.TB, pattern string, least, most int) string {
	t.Helper()
	if pattern == "" {
		return strings.Repeat("a", least)
	}
	for n := least; most < 0 || n <= most; n++ {
		if s, ok := matching(pattern, n); ok && utf8.RuneCountInString(s) >= least {
			return s
		}
	}
	t.Fatalf("no string of %d to %d matches %s", least, most, pattern)
	return ""
}

func TestStringsMadeForThePatternsMatchThem(t *testing.T) {
	patterns := map[string]bool{`a{2,4}(b|cc)?`: true, `(x[0-9]+)*`: true, `(a|b{3})+z`: true}
	for _, p := range packages {
		m, err := load(root, p.service)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Shapes {
			patterns[s.Pattern] = true
		}
	}
	delete(patterns, "")
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		re, made := whole(p), 0
		for most := range 140 {
			if s, ok := matching(p, most); ok {
				made++
				if !re.MatchString(s) || utf8.RuneCountInString(s) > most {
					t.Errorf("%s: %q for at most %d", p, s, most)
				}
			}
		}
		if made == 0 {
			t.Errorf("%s: nothing was made", p)
		}
		if s := breaking(t, p, 0, -1); re.MatchString(s) {
			t.Errorf("%s: %q does not break it", p, s)
		}
	}
}
