package main

import (
	"fmt"
	"regexp"
	"strings"
)

// readOnly tells the operations that change nothing.
func readOnly(operation string) bool {
	return regexp.MustCompile(`^(Get|List|BatchGet)`).MatchString(operation)
}

// writeAccess makes, for each operation, what access policies and the audit log need to know: the resources
// that its input names, those that it makes use of, the kind of what it makes or lists where it names none, and
// what it made.
func (m *model) writeAccess(w *writer) {
	w.use(apiPath)
	for _, op := range m.Operations {
		in := m.Shapes[op.Input]
		given := ""
		for _, mem := range in.Members {
			if mem.Name == "tags" {
				given = "a.Tags = in.Tags\n"
			}
		}
		w.line("\n// Access tells what the request is about.\nfunc (in *%s) Access() api.Access {", goName(op.Input))
		uses := ""
		if !strings.HasPrefix(op.Name, "List") { // where optional names are filters
			uses = m.usedIn(in, "in", false)
		}
		if named := m.namesIn(in, "in"); named != "" {
			w.line("var a api.Access\n%s%s%sreturn a\n}", given, named, uses)
		} else {
			w.line("a := api.Access{Kind: %q}\n%s%sreturn a\n}", m.kindOf(op.Name), given, uses)
		}
		if made := m.made(op); made != "" {
			w.line("\n// Made names what the operation made.\nfunc (out *%s) Made() (made []string) {\n%sreturn made\n}", goName(op.Output), made)
		}
	}
}

// namesIn gives the statements that collect what a request is about: the names of our resources in required
// members, and in the required members of what required structures and lists hold.
func (m *model) namesIn(s *shape, value string) string {
	var b strings.Builder
	for _, mem := range s.Members {
		if mem.Required {
			b.WriteString(m.collect(s, mem, value, "Resources", m.namesIn))
		}
	}
	return b.String()
}

// usedIn gives the statements that collect the other names of our resources: what the request makes use of, if
// its caller likes. inside tells that s itself is optional.
func (m *model) usedIn(s *shape, value string, inside bool) string {
	var b strings.Builder
	for _, mem := range s.Members {
		optional := inside || !mem.Required
		follow := func(s *shape, value string) string { return m.usedIn(s, value, optional) }
		of := m.Shapes[mem.Shape]
		if optional || of.Type == "structure" || of.Type == "list" && m.Shapes[of.Member].Type == "structure" {
			b.WriteString(m.collect(s, mem, value, "Uses", follow))
		}
	}
	return b.String()
}

// collect gives the statements that collect the names in one member, if it holds any.
func (m *model) collect(s *shape, mem *member, value, into string, follow func(s *shape, value string) string) string {
	of, field := m.Shapes[mem.Shape], value+"."+exported(mem.Name)
	switch {
	case m.isName(of) && m.pointer(s, mem):
		return fmt.Sprintf("if %[2]s != nil {\na.%[1]s = append(a.%[1]s, *%[2]s)\n}\n", into, field)
	case m.isName(of):
		return fmt.Sprintf("a.%[1]s = append(a.%[1]s, %[2]s)\n", into, field)
	case of.Type == "list" && m.isName(m.Shapes[of.Member]):
		return fmt.Sprintf("a.%[1]s = append(a.%[1]s, %[2]s...)\n", into, field)
	case of.Type == "list" && m.Shapes[of.Member].Type == "structure":
		if inner := follow(m.Shapes[of.Member], "v"); inner != "" {
			return fmt.Sprintf("for _, v := range %s {\n%s}\n", field, inner)
		}
	case of.Type == "structure":
		if inner := follow(of, field); inner != "" {
			return fmt.Sprintf("if %s != nil {\n%s}\n", field, inner)
		}
	}
	return ""
}

// isName tells the shapes that hold the name of one of our resources.
func (m *model) isName(s *shape) bool {
	return s.Type == "string" && strings.Contains(s.Pattern, "arn:aws:ivs")
}

// kindOf gives the kind of what an operation makes or lists, read out of its name.
func (m *model) kindOf(operation string) string {
	noun := regexp.MustCompile(`^(Create|Import|List|BatchGet|Start)`).ReplaceAllString(operation, "")
	if s, ok := strings.CutSuffix(noun, "ies"); ok {
		noun = s + "y"
	}
	noun = strings.TrimSuffix(noun, "s")
	kind := strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(noun, "$1-$2"))
	switch kind {
	case "playback-key-pair":
		return "playback-key"
	case "stream":
		return "channel"
	}
	return kind
}

// made gives the statements that collect the names of what an operation has made.
func (m *model) made(op *operation) string {
	if !regexp.MustCompile(`^(Create|Import|StartComposition)`).MatchString(op.Name) {
		return ""
	}
	var b strings.Builder
	out := m.Shapes[op.Output]
	for _, mem := range out.Members {
		of := m.Shapes[mem.Shape]
		if mem.Name == "arn" {
			b.WriteString(m.appendMade(out, mem, "out."))
		}
		if of.Type != "structure" {
			continue
		}
		for _, inner := range of.Members {
			if inner.Name == "arn" {
				field := "out." + exported(mem.Name)
				fmt.Fprintf(&b, "if %s != nil {\n%s}\n", field, m.appendMade(of, inner, field+"."))
			}
		}
	}
	return b.String()
}

func (m *model) appendMade(s *shape, mem *member, of string) string {
	field := of + exported(mem.Name)
	if m.pointer(s, mem) {
		return fmt.Sprintf("if %[1]s != nil {\nmade = append(made, *%[1]s)\n}\n", field)
	}
	return fmt.Sprintf("made = append(made, %s)\n", field)
}
