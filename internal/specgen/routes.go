package main

import "strings"

func (m *model) writeRoutes(w *writer) {
	w.use("context")
	w.use(apiPath)
	w.line("\n// Operations are the %d operations of the service.", len(m.Operations))
	w.line("type Operations interface {")
	for _, op := range m.Operations {
		w.line("%[1]s(context.Context, *%[1]sInput) (*%[1]sOutput, error)", op.Name)
	}
	w.line("}")
	w.line("\n// Routes joins every operation with its endpoint.")
	w.line("func Routes(o Operations) []api.Route {\nreturn []api.Route{")
	for _, op := range m.Operations {
		fields := []string{`Name: "` + op.Name + `"`, `Method: "` + op.Method + `"`, `Path: "` + op.Path + `"`}
		status := "Status: 200"
		if op.Status == 204 {
			status = "Status: 204"
		}
		fields = append(fields, status)
		for _, e := range op.Errors {
			if e.status == 503 {
				fields = append(fields, `Unavailable: "`+e.name+`"`)
			}
		}
		if readOnly(op.Name) {
			fields = append(fields, "ReadOnly: true")
		}
		w.line("api.Op(api.Endpoint{%s}, o.%s),", strings.Join(fields, ", "), op.Name)
	}
	w.line("}\n}")
}
