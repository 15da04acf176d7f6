package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// model is one service: its facts, and what spec/overrides.json adds to them.
type model struct {
	Service    string
	Operations []*operation
	Shapes     map[string]*shape

	over    overrides
	inputs  map[string]bool // shapes that a request can hold
	outputs map[string]bool // shapes that an answer can hold
}

type operation struct {
	Name, Method, Path string
	Status             int
	Input, Output      string
	Errors             []modelled
}

// modelled is an exception that an operation lists.
type modelled struct {
	status int
	name   string
}

// UnmarshalJSON reads [404, "ResourceNotFoundException"].
func (e *modelled) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.status, &e.name})
}

type shape struct {
	Type       string
	Min, Max   *float64
	Pattern    string
	Enum       []string
	Sensitive  bool
	Union      bool
	Members    []*member
	Member     string // of a list
	Key, Value string // of a map

	name string
}

type member struct {
	Name, Shape string
	Required    bool
	In          string // "path", "query", or empty for the body
}

// overrides is what the facts lack or have wrong, decided by hand. See spec/README.md.
type overrides struct {
	Time       string // api.Seconds or api.Millis
	Patterns   map[string]string
	TotalBytes map[string]int    // maps whose keys and values have a common size limit
	Reserved   map[string]string // strings that may not begin so
	Plain      []string          // sensitive strings that stay ordinary strings in Go
	Files      []struct{ Name, Operations string }
}

// load reads one service and checks that the overrides speak of shapes that exist.
func load(root, service string) (*model, error) {
	m := &model{inputs: map[string]bool{}, outputs: map[string]bool{}}
	if err := readJSON(filepath.Join(root, "spec", service+".json"), m); err != nil {
		return nil, err
	}
	var all map[string]overrides
	if err := readJSON(filepath.Join(root, "spec", "overrides.json"), &all); err != nil {
		return nil, err
	}
	m.over = all[service]
	named := slices.Concat(slices.Collect(maps.Keys(m.over.Patterns)), slices.Collect(maps.Keys(m.over.TotalBytes)), slices.Collect(maps.Keys(m.over.Reserved)), m.over.Plain)
	for _, name := range named {
		if m.Shapes[name] == nil {
			return nil, fmt.Errorf("spec/overrides.json: %s has no shape %s", service, name)
		}
	}
	for name, s := range m.Shapes {
		s.name = name
		if p, ok := m.over.Patterns[name]; ok {
			s.Pattern = p
		}
	}
	for _, op := range m.Operations {
		m.reach(op.Input, m.inputs)
		m.reach(op.Output, m.outputs)
	}
	return m, nil
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// reach adds a shape and all it holds to seen.
func (m *model) reach(name string, seen map[string]bool) {
	if name == "" || seen[name] {
		return
	}
	seen[name] = true
	s := m.Shapes[name]
	for _, mem := range s.Members {
		m.reach(mem.Shape, seen)
	}
	for _, part := range []string{s.Member, s.Key, s.Value} {
		m.reach(part, seen)
	}
}

// goName gives the Go name of a structure: requests and responses are called inputs and outputs.
func goName(name string) string {
	if s, ok := strings.CutSuffix(name, "Request"); ok {
		return s + "Input"
	}
	if s, ok := strings.CutSuffix(name, "Response"); ok {
		return s + "Output"
	}
	return name
}

// exported makes a member name a Go field name.
func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// elem gives the Go type of a shape inside a list or behind a pointer.
func (m *model) elem(name string) string {
	s := m.Shapes[name]
	switch s.Type {
	case "string":
		if s.Sensitive && !slices.Contains(m.over.Plain, name) {
			return "api.Secret"
		}
		return "string"
	case "integer":
		return "int"
	case "long":
		return "int64"
	case "float":
		return "float64"
	case "boolean":
		return "bool"
	case "timestamp":
		return m.over.Time
	case "structure":
		return goName(name)
	case "list":
		return "[]" + m.elem(s.Member)
	case "map":
		return "map[string]string"
	}
	panic("unknown type " + s.Type + " of shape " + name)
}

// pointer tells whether a member of structure in is a pointer: every structure, every optional scalar,
// and a required scalar of a request whose zero value would be legal, so that absence shows.
func (m *model) pointer(in *shape, mem *member) bool {
	s := m.Shapes[mem.Shape]
	switch s.Type {
	case "list", "map":
		return false
	case "structure":
		return true
	}
	return !mem.Required || m.inputs[in.name] && s.zeroIsLegal()
}

func (s *shape) zeroIsLegal() bool {
	switch s.Type {
	case "string":
		return s.least() <= 0 && len(s.Enum) == 0 && regexp.MustCompile("^(?:"+s.Pattern+")$").MatchString("")
	case "integer", "long", "float":
		return s.Min == nil || *s.Min <= 0
	}
	return true
}

func (s *shape) least() int {
	if s.Min == nil {
		return 0
	}
	return int(*s.Min)
}
