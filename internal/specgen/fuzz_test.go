package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// FuzzOperations sends any bytes to any operation of a whole server, which may refuse them but must never
// fail over them. Tag routes take the resource's name from the first line and keys from the others.
func FuzzOperations(f *testing.F) {
	var all []*target
	e := enginetest.Start(f, func(c *engine.Config) { c.LogLevel = "warn" })
	for _, p := range packages {
		m, err := load(root, p.service)
		if err != nil {
			f.Fatal(err)
		}
		c := &conform{m, f}
		for _, op := range m.Operations {
			to := &target{e, m, op}
			index := uint(len(all))
			all = append(all, to)
			if op.Path != "/"+op.Name {
				f.Add(index, []byte(known[p.service]["ResourceArn"]+"\n{\"tags\":{\"k\":\"v\"}}"))
				f.Add(index, []byte("arn\nk"))
				continue
			}
			whole := c.valid(op.Input).(object)
			for _, p := range c.places(op) {
				if p.member && whole[p.at] == nil && !strings.Contains(p.at, ".") {
					whole[p.at] = c.valid(p.shape.name)
				}
			}
			for _, members := range []object{c.valid(op.Input).(object), whole} {
				body, err := json.Marshal(members)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(index, body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, index uint, body []byte) {
		to := all[index%uint(len(all))]
		path := to.op.Path
		if before, ok := strings.CutSuffix(path, "{resourceArn}"); ok {
			name, rest, _ := strings.Cut(string(body), "\n")
			path, body = before+url.PathEscape(name), []byte(rest)
			if to.op.Method == http.MethodDelete {
				path, body = path+"?"+url.Values{"tagKeys": strings.Split(rest, "\n")}.Encode(), nil
			}
		}
		if got := to.request(t, path, body); got.status >= 500 {
			t.Fatalf("%s: got %d %s %s", to.op.Name, got.status, got.exception, got.Message)
		}
	})
}
