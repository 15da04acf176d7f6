package main

import (
	"slices"
	"testing"
)

// object is a JSON object of a request.
type object = map[string]any

// absent in a place means that the place is not there.
type absent struct{}

// place is one spot of an input where a value stands: a member, an item of a list, a key or a value of a map.
type place struct {
	at       string // as messages name it
	shape    *shape
	required bool   // nothing may be missing here
	in       string // "path" or "query", or empty for the body
	member   bool   // not an item, a key or a value

	// with gives the smallest valid request with a value in this place.
	with func(v any) object
}

// conform makes requests for one service out of its facts.
type conform struct {
	*model
	t testing.TB
}

// known are values for shapes that a pattern alone cannot say: tag routes find their service by the name.
var known = map[string]map[string]string{
	"ivs":          {"ResourceArn": "arn:aws:ivs:us-east-1:000000000000:channel/AbCdEfGh1234"},
	"ivs-realtime": {"ResourceArn": "arn:aws:ivs:us-east-1:000000000000:stage/AbCdEfGh1234"},
	"ivschat":      {"ResourceArn": "arn:aws:ivschat:us-east-1:000000000000:room/AbCdEfGh1234"},
}

// valid gives the smallest value of a shape that keeps its rules.
func (c *conform) valid(name string) any {
	if v, ok := known[c.Service][name]; ok {
		return v
	}
	s := c.Shapes[name]
	switch s.Type {
	case "string":
		if len(s.Enum) > 0 {
			return s.Enum[0]
		}
		return fitting(c.t, s.Pattern, s.least(), s.most())
	case "integer", "long", "float":
		if s.Min != nil {
			return *s.Min
		}
		return 1
	case "boolean":
		return true
	case "list":
		return c.items(s, s.least())
	case "map":
		return c.entries(s, s.least())
	}
	o := object{}
	for _, mem := range s.Members {
		if mem.Required || s.Union && len(o) == 0 {
			o[mem.Name] = c.valid(mem.Shape)
		}
	}
	return o
}

// most gives the upper bound, or -1.
func (s *shape) most() int {
	if s.Max == nil {
		return -1
	}
	return int(*s.Max)
}

func (c *conform) items(s *shape, n int) []any {
	list := []any{}
	for range n {
		list = append(list, c.valid(s.Member))
	}
	return list
}

// entries gives a map with n keys that differ in their last letters.
func (c *conform) entries(s *shape, n int) object {
	o := object{}
	for i := range n {
		o["k"+string(rune('a'+i/26))+string(rune('a'+i%26))] = c.valid(s.Value)
	}
	return o
}

// places lists all places of an operation's input.
func (c *conform) places(op *operation) (all []place) {
	c.structure(c.Shapes[op.Input], "", func(v any) object { return v.(object) }, &all)
	return all
}

// structure adds the places in a structure; within puts a value of the structure where it belongs.
func (c *conform) structure(s *shape, at string, within func(any) object, all *[]place) {
	for _, mem := range s.Members {
		with := func(v any) object {
			o := object{}
			if !s.Union {
				o = c.valid(s.name).(object)
			}
			o[mem.Name] = v
			if v == (absent{}) {
				delete(o, mem.Name)
			}
			return within(o)
		}
		*all = append(*all, place{at + mem.Name, c.Shapes[mem.Shape], mem.Required, mem.In, true, with})
		c.inside(mem.Shape, at+mem.Name, mem.In, with, all)
	}
}

// inside adds the places within a value, whose own place is done.
func (c *conform) inside(name, at, in string, with func(any) object, all *[]place) {
	s := c.Shapes[name]
	switch s.Type {
	case "structure":
		c.structure(s, at+".", with, all)
	case "list":
		item := func(v any) object {
			return with(append([]any{v}, c.items(s, max(s.least()-1, 0))...))
		}
		*all = append(*all, place{at + "[0]", c.Shapes[s.Member], false, in, false, item})
		c.inside(s.Member, at+"[0]", in, item, all)
	case "map":
		key := func(v any) object { return with(object{v.(string): c.valid(s.Value)}) }
		value := func(v any) object { return with(object{"k": v}) }
		*all = append(*all, place{at + " key", c.Shapes[s.Key], false, in, false, key}, place{at + " value", c.Shapes[s.Value], false, in, false, value})
	}
}

func TestEveryRuleOfTheFactsHasAPlace(t *testing.T) {
	for _, p := range packages {
		m, err := load(root, p.service)
		if err != nil {
			t.Fatal(err)
		}
		var met []string
		c := &conform{m, t}
		for _, op := range m.Operations {
			met = append(met, op.Input)
			for _, p := range c.places(op) {
				met = append(met, p.shape.name)
			}
		}
		for name := range m.inputs {
			if !slices.Contains(met, name) {
				t.Errorf("%s: %s has no place", p.service, name)
			}
		}
	}
}
