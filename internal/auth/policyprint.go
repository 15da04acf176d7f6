package auth

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// print gives the policy's fixed form: elements in AWS's usual order, one value without a list around it.
func (p *Policy) print() string {
	var w policyWriter
	w.open('{')
	w.text("Version", p.version)
	w.text("Id", p.id)
	w.name("Statement")
	if len(p.statements) != 1 {
		w.open('[')
	}
	for _, s := range p.statements {
		w.comma()
		s.print(&w)
	}
	if len(p.statements) != 1 {
		w.close(']')
	}
	w.close('}')
	return w.b.String()
}

func (s *statement) print(w *policyWriter) {
	w.open('{')
	w.text("Sid", s.sid)
	if s.deny {
		w.text("Effect", "Deny")
	} else {
		w.text("Effect", "Allow")
	}
	w.texts("Action", s.actions)
	w.texts("NotAction", s.notActions)
	w.texts("Resource", s.resources)
	w.texts("NotResource", s.notResources)
	if len(s.conditions) > 0 {
		w.name("Condition")
		w.open('{')
		for rest := s.conditions; len(rest) > 0; {
			operator := rest[0].operator
			n := slices.IndexFunc(rest, func(c condition) bool { return c.operator != operator })
			if n < 0 {
				n = len(rest)
			}
			w.name(operator)
			w.open('{')
			for _, c := range rest[:n] {
				w.texts(c.key.String(), c.values)
			}
			w.close('}')
			rest = rest[n:]
		}
		w.close('}')
	}
	w.close('}')
}

// policyWriter writes JSON without spaces. What is empty is left out.
type policyWriter struct{ b strings.Builder }

func (w *policyWriter) comma() {
	if last := w.b.String(); last != "" && !strings.HasSuffix(last, "{") && !strings.HasSuffix(last, "[") && !strings.HasSuffix(last, ":") {
		w.b.WriteByte(',')
	}
}

func (w *policyWriter) open(c byte)  { w.b.WriteByte(c) }
func (w *policyWriter) close(c byte) { w.b.WriteByte(c) }

func (w *policyWriter) quote(text string) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic("auth: a string cannot be printed: " + err.Error())
	}
	w.b.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (w *policyWriter) name(name string) {
	w.comma()
	w.quote(name)
	w.b.WriteByte(':')
}

func (w *policyWriter) text(name, text string) {
	if text != "" {
		w.texts(name, []string{text})
	}
}

func (w *policyWriter) texts(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	w.name(name)
	if len(texts) != 1 {
		w.open('[')
	}
	for i, t := range texts {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.quote(t)
	}
	if len(texts) != 1 {
		w.close(']')
	}
}
