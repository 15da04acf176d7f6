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
// that its input names, the kind of what it makes or lists where it names none, and what it made.
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
		if named := m.namesIn(in, "in", true); named != "" {
			w.line("var a api.Access\n%s%sreturn a\n}", given, named)
		} else {
			w.line("a := api.Access{Kind: %q}\n%sreturn a\n}", m.kindOf(op.Name), given)
		}
		if made := m.made(op); made != "" {
			w.line("\n// Made names what the operation made.\nfunc (out *%s) Made() (made []string) {\n%sreturn made\n}", goName(op.Output), made)
		}
	}
}

// namesIn gives the statements that collect the names of our resources out of a structure: those of required
// members, since optional ones are filters and references. What a required structure holds is followed.
func (m *model) namesIn(s *shape, value string, top bool) string {
	var b strings.Builder
	for _, mem := range s.Members {
		of, field := m.Shapes[mem.Shape], value+"."+exported(mem.Name)
		switch {
		case m.isName(of) && mem.Required && m.pointer(s, mem):
			fmt.Fprintf(&b, "if %[1]s != nil {\na.Resources = append(a.Resources, *%[1]s)\n}\n", field)
		case m.isName(of) && mem.Required:
			fmt.Fprintf(&b, "a.Resources = append(a.Resources, %s)\n", field)
		case of.Type == "list" && m.isName(m.Shapes[of.Member]) && mem.Required:
			fmt.Fprintf(&b, "a.Resources = append(a.Resources, %s...)\n", field)
		case of.Type == "list" && m.Shapes[of.Member].Type == "structure" && (mem.Required || !top):
			if inner := m.namesIn(m.Shapes[of.Member], "v", false); inner != "" {
				fmt.Fprintf(&b, "for _, v := range %s {\n%s}\n", field, inner)
			}
		case of.Type == "structure" && (mem.Required || !top):
			if inner := m.namesIn(of, field, false); inner != "" {
				fmt.Fprintf(&b, "if %s != nil {\n%s}\n", field, inner)
			}
		}
	}
	return b.String()
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
