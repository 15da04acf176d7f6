package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (m *model) writeShapes(w *writer, names []string) {
	w.use(apiPath)
	for _, name := range names {
		m.writeShape(w, m.Shapes[name])
	}
	for _, op := range m.Operations {
		if op.Output == "" && slices.Contains(names, op.Input) {
			w.line("\n// %[1]sOutput is the empty output of %[1]s.\ntype %[1]sOutput struct{}", op.Name)
		}
	}
	if !strings.Contains(w.String(), "api.") {
		delete(w.imports, apiPath)
	}
}

func (m *model) writeShape(w *writer, s *shape) {
	w.line("\n// %s", m.describe(s.name))
	if len(s.Members) == 0 {
		w.line("type %s struct{}", goName(s.name))
		return
	}
	w.line("type %s struct {", goName(s.name))
	for _, mem := range s.Members {
		tag := mem.Name
		switch {
		case mem.In != "":
			tag = "-"
		case !mem.Required:
			tag += ",omitzero"
		}
		w.line("%s %s `json:%q`", exported(mem.Name), m.fieldType(s, mem), tag)
	}
	w.line("}")
	m.writeFromURL(w, s)
}

func (m *model) describe(name string) string {
	ops := m.usedBy(name)
	switch {
	case strings.HasSuffix(name, "Request"):
		return fmt.Sprintf("%s is the input of %s.", goName(name), ops[0])
	case strings.HasSuffix(name, "Response"):
		return fmt.Sprintf("%s is the output of %s.", goName(name), ops[0])
	case len(ops) > 3:
		return fmt.Sprintf("%s is part of %s and %d more operations.", name, strings.Join(ops[:2], ", "), len(ops)-2)
	}
	return fmt.Sprintf("%s is part of %s.", name, strings.Join(ops, ", "))
}

func (m *model) fieldType(in *shape, mem *member) string {
	t := m.elem(mem.Shape)
	if m.pointer(in, mem) {
		return "*" + t
	}
	return t
}

// writeFromURL makes the method that fills the members outside the body. An empty list leaves no
// trace in a query, so a list that is not there is an empty one.
func (m *model) writeFromURL(w *writer, s *shape) {
	if !slices.ContainsFunc(s.Members, func(mem *member) bool { return mem.In != "" }) {
		return
	}
	w.use("net/url")
	query := "_"
	if slices.ContainsFunc(s.Members, func(mem *member) bool { return mem.In == "query" }) {
		query = "query"
	}
	w.line("\n// FromURL fills the members that travel in the path and the query.")
	w.line("func (in *%s) FromURL(resourceARN string, %s url.Values) {", goName(s.name), query)
	for _, mem := range s.Members {
		switch mem.In {
		case "path":
			w.line("in.%s = resourceARN", exported(mem.Name))
		case "query":
			w.line("in.%s = append([]string{}, query[%q]...)", exported(mem.Name), mem.Name)
		}
	}
	w.line("}")
}

// writeEnums makes a constant of each value of each enumeration.
func (m *model) writeEnums(w *writer) {
	for _, name := range slices.Sorted(maps.Keys(m.Shapes)) {
		s := m.Shapes[name]
		if len(s.Enum) == 0 {
			continue
		}
		w.line("\n// Values of %s.\nconst (", name)
		for _, v := range s.Enum {
			w.line("%s = %q", enumName(name, v), v)
		}
		w.line(")")
	}
}

// enumName makes such as ChannelTypeAdvancedHd of ADVANCED_HD.
func enumName(shape, value string) string {
	var b strings.Builder
	b.WriteString(shape)
	for _, word := range strings.Split(value, "_") {
		b.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return b.String()
}
