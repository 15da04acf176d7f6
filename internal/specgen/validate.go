package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// writeRules makes the patterns and value lists that the checks of a package use.
func (m *model) writeRules(w *writer) {
	var patterns, enums []*shape
	for _, name := range slices.Sorted(maps.Keys(m.inputs)) {
		if s := m.Shapes[name]; s.Pattern != "" {
			patterns = append(patterns, s)
		} else if len(s.Enum) > 0 {
			enums = append(enums, s)
		}
	}
	w.use(apiPath)
	w.line("\nvar (")
	for _, s := range patterns {
		w.line("pattern%s = api.MustPattern(`%s`)", s.name, s.Pattern)
	}
	w.line(")")
	if len(enums) == 0 {
		return
	}
	w.line("\nvar (")
	for _, s := range enums {
		var values []string
		for _, v := range s.Enum {
			values = append(values, enumName(s.name, v))
		}
		w.line("values%s = []string{%s}", s.name, strings.Join(values, ", "))
	}
	w.line(")")
}

// writeChecks makes Validate for inputs and check for every structure inside them.
func (m *model) writeChecks(w *writer, names []string) {
	w.use(apiPath)
	for _, name := range names {
		s := m.Shapes[name]
		rules := m.rules(s)
		input := strings.HasSuffix(name, "Request")
		if input {
			w.line("\n// Validate checks the rules of the shape.\nfunc (in *%s) Validate() error {", goName(name))
			if rules == "" {
				w.line("return nil\n}")
				continue
			}
			w.line("var c api.Check\nin.check(&c, \"\")\nreturn c.Err()\n}")
		}
		if rules != "" {
			w.line("\nfunc (in *%s) check(c *api.Check, at string) {\n%s}", goName(name), rules)
		}
	}
	if !strings.Contains(w.String(), "api.") {
		delete(w.imports, apiPath)
	}
}

// rules gives the statements that check a structure; empty if it has no rule.
func (m *model) rules(s *shape) string {
	var b strings.Builder
	if s.Union {
		var set []string
		for _, mem := range s.Members {
			set = append(set, "in."+exported(mem.Name)+" != nil")
		}
		fmt.Fprintf(&b, "c.ExactlyOne(at, %s)\n", strings.Join(set, ", "))
	}
	for _, mem := range s.Members {
		b.WriteString(m.memberRules(s, mem))
	}
	return b.String()
}

// memberRules gives the statements for one member: absence first, then the value.
func (m *model) memberRules(in *shape, mem *member) string {
	field := "in." + exported(mem.Name)
	value, present, absent := field, "", ""
	switch {
	case m.pointer(in, mem):
		present, absent = field+" != nil", field+" == nil"
		if m.Shapes[mem.Shape].Type != "structure" {
			value = "*" + field
		}
	case m.Shapes[mem.Shape].Type == "list" || m.Shapes[mem.Shape].Type == "map":
		present, absent = field+" != nil", field+" == nil"
	case m.Shapes[mem.Shape].Type == "string":
		absent = field + ` == ""`
	default:
		absent = field + " == 0"
	}
	rules := m.valueRules(mem.Shape, value, "at", strconv.Quote(mem.Name))
	switch {
	case mem.Required && rules == "":
		return fmt.Sprintf("if %s {\nc.Missing(at, %q)\n}\n", absent, mem.Name)
	case mem.Required:
		return fmt.Sprintf("if %s {\nc.Missing(at, %q)\n} else {\n%s}\n", absent, mem.Name, rules)
	case rules == "":
		return ""
	}
	return fmt.Sprintf("if %s {\n%s}\n", present, rules)
}

// valueRules gives the statements for a value that is there. at and name are Go expressions.
func (m *model) valueRules(shapeName, value, at, name string) string {
	s := m.Shapes[shapeName]
	var b strings.Builder
	switch s.Type {
	case "string":
		m.stringRules(&b, s, value, at, name)
	case "integer", "long":
		if s.Min != nil && s.Max != nil {
			fmt.Fprintf(&b, "c.Range(%s, %s, int64(%s), %d, %d)\n", at, name, value, int64(*s.Min), int64(*s.Max))
		} else if s.Min != nil {
			fmt.Fprintf(&b, "c.AtLeast(%s, %s, int64(%s), %d)\n", at, name, value, int64(*s.Min))
		}
	case "float":
		fmt.Fprintf(&b, "c.FloatRange(%s, %s, %s, %v, %v)\n", at, name, value, *s.Min, *s.Max)
	case "structure":
		if m.rules(s) != "" {
			fmt.Fprintf(&b, "%s.check(c, %s+%s)\n", value, at, strings.ReplaceAll(name+`+"."`, `"+"`, ""))
		}
	case "list":
		m.countRule(&b, s, value, at, name)
		if rules := m.valueRules(s.Member, "v", at, "item"); rules != "" {
			fmt.Fprintf(&b, "for i, v := range %s {\nitem := api.Item(%s, i)\n%s}\n", value, name, rules)
		}
	case "map":
		m.countRule(&b, s, value, at, name)
		m.mapRules(&b, s, value, at, name)
	}
	return b.String()
}

func (m *model) stringRules(b *strings.Builder, s *shape, value, at, name string) {
	if m.elem(s.name) == "api.Secret" {
		value = "string(" + value + ")"
	}
	if s.least() > 0 || s.Max != nil {
		most := -1
		if s.Max != nil {
			most = int(*s.Max)
		}
		fmt.Fprintf(b, "c.Length(%s, %s, %s, %d, %d)\n", at, name, value, s.least(), most)
	}
	if s.Pattern != "" {
		fmt.Fprintf(b, "c.Match(%s, %s, %s, pattern%s)\n", at, name, value, s.name)
	}
	if len(s.Enum) > 0 {
		fmt.Fprintf(b, "c.OneOf(%s, %s, %s, values%s)\n", at, name, value, s.name)
	}
	if prefix, ok := m.over.Reserved[s.name]; ok {
		fmt.Fprintf(b, "c.Reserved(%s, %s, %s, %q)\n", at, name, value, prefix)
	}
}

func (m *model) countRule(b *strings.Builder, s *shape, value, at, name string) {
	if s.least() <= 0 && s.Max == nil {
		return
	}
	most := -1
	if s.Max != nil {
		most = int(*s.Max)
	}
	fmt.Fprintf(b, "c.Count(%s, %s, len(%s), %d, %d)\n", at, name, value, s.least(), most)
}

func (m *model) mapRules(b *strings.Builder, s *shape, value, at, name string) {
	if most, ok := m.over.TotalBytes[s.name]; ok {
		fmt.Fprintf(b, "c.TotalBytes(%s, %s, %s, %d)\n", at, name, value, most)
	}
	keys := m.valueRules(s.Key, "k", at, strings.TrimSuffix(name, `"`)+` key"`)
	values := m.valueRules(s.Value, "v", at, strings.TrimSuffix(name, `"`)+` value"`)
	switch {
	case keys != "" && values != "":
		fmt.Fprintf(b, "for k, v := range %s {\n%s%s}\n", value, keys, values)
	case keys != "":
		fmt.Fprintf(b, "for k := range %s {\n%s}\n", value, keys)
	case values != "":
		fmt.Fprintf(b, "for _, v := range %s {\n%s}\n", value, values)
	}
}
