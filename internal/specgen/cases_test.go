package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// sent is one request of a generated case.
type sent struct {
	name string
	body object // members in path and query included
	at   string // the place that matters, as messages name it

	// says is what the refusal says of the place, one of them; empty for a request that keeps the rules.
	says []string
	// unreadable is for JSON of the wrong type, which is refused before the rules.
	unreadable bool
}

// cases gives a request for each rule that a value in a place can break, and for each bound that it can reach.
func (c *conform) cases(p place) (all []sent) {
	broken := func(name string, v any, says ...string) {
		all = append(all, sent{name: p.at + ": " + name, body: p.with(v), at: p.at, says: says})
	}
	fine := func(name string, v any) {
		all = append(all, sent{name: p.at + ": " + name, body: p.with(v), at: p.at})
	}
	fine("valid", c.valid(p.shape.name))
	if p.required && p.in != "query" { // an empty list leaves no trace in a query
		broken("missing", absent{}, "is required")
		if p.in == "" {
			broken("null", nil, "is required")
		}
	} else if p.member && p.in == "" {
		fine("null", nil)
	}
	switch s := p.shape; s.Type {
	case "string":
		c.strings(p, broken, fine)
	case "integer", "long", "float":
		c.numbers(p, broken, fine)
	case "list":
		if s.least() > 0 {
			broken("too few", c.items(s, s.least()-1), "must have at least "+strconv.Itoa(s.least())+" items")
		}
		if s.Max != nil {
			broken("too many", c.items(s, s.most()+1), "must have at most "+strconv.Itoa(s.most())+" items")
			fine("as many as may be", c.items(s, s.most()))
		}
	case "map":
		c.maps(p, broken, fine)
	case "structure":
		if s.Union {
			broken("none of the union", object{}, "must have exactly one member")
			broken("another of the union", object{"noSuchMember": object{}}, "must have exactly one member")
			broken("two of the union", object{s.Members[0].Name: c.valid(s.Members[0].Shape), s.Members[1].Name: c.valid(s.Members[1].Shape)}, "must have exactly one member")
		}
	}
	if p.in != "" || strings.HasSuffix(p.at, " key") {
		return all // there are only strings
	}
	for _, v := range wrong(p.shape.Type) {
		at := p.at
		if before, ok := strings.CutSuffix(at, " value"); ok {
			at = "a value of " + before
		}
		all = append(all, sent{name: fmt.Sprintf("%s: JSON %v", p.at, v), body: p.with(v), at: at, says: []string{"must be", "does not fit"}, unreadable: true})
	}
	return all
}

// wrong gives JSON that is no value of a type.
func wrong(kind string) []any {
	text, number, yes, list, obj := any("7"), any(7), any(true), any([]any{}), any(object{})
	switch kind {
	case "string", "timestamp":
		return []any{number, yes, list, obj}
	case "integer":
		return []any{text, yes, list, obj, 1.5, int64(math.MaxInt32) + 1}
	case "long":
		return []any{text, yes, list, obj, 1.5, raw("9223372036854775808")}
	case "float":
		return []any{text, yes, list, obj, raw("1e999")}
	case "boolean":
		return []any{text, number, list, obj, "true"}
	case "list":
		return []any{text, number, yes, obj}
	}
	return []any{text, number, yes, list}
}

// raw is JSON that Go has no value for.
type raw string

// MarshalJSON gives it as it is.
func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func (c *conform) strings(p place, broken func(string, any, ...string), fine func(string, any)) {
	s := p.shape
	if len(s.Enum) > 0 {
		for _, v := range s.Enum {
			fine("value "+v, v)
		}
		broken("no value of the enumeration", s.Enum[0]+"_X", "must be one of")
		if low := strings.ToLower(s.Enum[0]); !slices.Contains(s.Enum, low) {
			broken("in small letters", low, "must be one of")
		}
		return
	}
	exactly := func(n int) (v string, ok bool) {
		if s.Pattern == "" {
			return strings.Repeat("é", n), true
		}
		v, ok = matching(s.Pattern, n)
		return v, ok && len([]rune(v)) == n
	}
	if s.least() > 0 {
		v, ok := exactly(s.least() - 1)
		if !ok {
			v = strings.Repeat("a", s.least()-1)
		}
		says := []string{"must have at least " + strconv.Itoa(s.least()) + " characters"}
		if v == "" && p.required {
			says = append(says, "is required")
		}
		broken("too short", v, says...)
	}
	if v, ok := exactly(s.least()); ok && s.Min != nil {
		fine("as short as may be", v)
	}
	if s.Max != nil {
		v, ok := exactly(s.most() + 1)
		if !ok {
			v = strings.Repeat("a", s.most()+1)
		}
		broken("too long", v, "must have at most "+strconv.Itoa(s.most())+" characters")
		if v, ok := exactly(s.most()); ok {
			fine("as long as may be", v)
		}
	}
	if s.Pattern != "" {
		broken("against the pattern", breaking(c.t, s.Pattern, s.least(), s.most()), "must match "+s.Pattern)
	} else if p.in == "" {
		fine("with a NUL", strings.Repeat("a", max(s.least()-1, 0))+"\x00")
	}
	if prefix, ok := c.over.Reserved[s.name]; ok && strings.HasSuffix(p.at, " key") {
		broken("reserved", prefix+"x", "must not begin with "+prefix)
		broken("reserved in capitals", strings.ToUpper(prefix)+"x", "must not begin with "+prefix)
	}
}

func (c *conform) numbers(p place, broken func(string, any, ...string), fine func(string, any)) {
	s := p.shape
	says := "must be at least"
	if s.Max != nil {
		says = fmt.Sprintf("must be between %v and %v", *s.Min, int64(*s.Max))
	}
	if s.Min != nil {
		fine("as small as may be", *s.Min)
		if *s.Min == 1 && p.required {
			broken("too small", *s.Min-1, says, "is required") // nought counts as nothing where it may not be
		} else {
			broken("too small", *s.Min-1, says)
		}
	}
	if s.Max != nil {
		fine("as large as may be", *s.Max)
		broken("too large", *s.Max+1, says)
	}
	if s.Type == "float" {
		broken("a little too small", *s.Min-0.001, says)
		broken("a little too large", *s.Max+0.001, says)
	}
}

func (c *conform) maps(p place, broken func(string, any, ...string), fine func(string, any)) {
	s := p.shape
	if s.least() > 0 {
		broken("too few", c.entries(s, s.least()-1), "must have at least "+strconv.Itoa(s.least())+" items")
	}
	if s.Max != nil {
		broken("too many", c.entries(s, s.most()+1), "must have at most "+strconv.Itoa(s.most())+" items")
		fine("as many as may be", c.entries(s, s.most()))
	}
	if most, ok := c.over.TotalBytes[s.name]; ok {
		says := "must be at most " + strconv.Itoa(most) + " bytes in total"
		pairs := strings.Repeat("é", most/2-1) // two bytes each
		fine("as large as may be", object{"ab": pairs})
		broken("too large", object{"abc": pairs}, says)
		broken("too large in two", object{"ab": pairs, "c": ""}, says)
	}
}
