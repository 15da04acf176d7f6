package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// record is what a run of the JavaScript judges saw: "service Operation" that worked with exactly the members
// it should have, and "service Operation Exception" that was refused as the model has it.
type record struct{ Worked, Refused []string }

func (r *record) add(o record) {
	r.Worked, r.Refused = append(r.Worked, o.Worked...), append(r.Refused, o.Refused...)
}

// TestEveryOperationByJavaScript lets the AWS SDK for JavaScript call all operations of the three services,
// and wants every modelled error that can be provoked from outside to have been seen.
func TestEveryOperationByJavaScript(t *testing.T) {
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the JavaScript clients are not installed: run `make test-deps`")
	}
	var seen record
	for _, run := range []struct {
		name    string
		modules []string
		options []enginetest.Option
	}{
		{"open", []string{
			"ivs-channels", "ivs-configurations", "ivs-streams", "rt-stages", "rt-configurations", "rt-participants",
			"rt-compositions", "chat-rooms", "chat-messages", "signatures",
		}, nil},
		{"quotas", []string{"quotas"}, []enginetest.Option{func(c *engine.Config) { c.Quotas = "aws" }}},
	} {
		t.Run(run.name, func(t *testing.T) {
			e := enginetest.Start(t, run.options...)
			seen.add(judges(t, e, run.modules))
		})
	}
	wantCoverage(t, seen)
}

// judges runs modules of api/conform in one program, with more in its environment, and gives what they saw.
func judges(t *testing.T, e *enginetest.Engine, modules []string, env ...string) (seen record) {
	t.Helper()
	written := filepath.Join(t.TempDir(), "record.json")
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"api/conform/main.mjs"}, modules...)...)
	cmd.Env = append(awsEnv(t, e), "NODE_NO_WARNINGS=1", "STREAMCAT_RECORD="+written, "STREAMCAT_STAGEHAND="+stagehand(t, e))
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.Bytes())
	}
	b, err := os.ReadFile(written)
	if err != nil {
		t.Fatalf("the judges wrote nothing down: %v\n%s", err, out.Bytes())
	}
	if err := json.Unmarshal(b, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// operation is one of spec/*.json.
type operation struct {
	Name   string
	Errors [][2]any // status and name
}

// operations are those of all services, by the service's name.
func operations(t *testing.T) map[string][]operation {
	t.Helper()
	all := map[string][]operation{}
	for _, service := range []string{"ivs", "ivs-realtime", "ivschat"} {
		b, err := os.ReadFile("../spec/" + service + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var facts struct{ Operations []operation }
		if err := json.Unmarshal(b, &facts); err != nil {
			t.Fatal(err)
		}
		all[service] = facts.Operations
	}
	return all
}

// wantCoverage compares what was seen with the facts: every operation, and every modelled error but those
// that unprovoked names with a reason.
func wantCoverage(t *testing.T, seen record) {
	t.Helper()
	worked, refused := map[string]bool{}, map[string]bool{}
	for _, s := range seen.Worked {
		worked[s] = true
	}
	for _, s := range seen.Refused {
		refused[s] = true
	}
	var table strings.Builder
	var silent, missing, excused int
	all := operations(t)
	for _, service := range slices.Sorted(maps.Keys(all)) {
		for _, op := range all[service] {
			name := service + " " + op.Name
			var lacks, excuses []string
			if !worked[name] {
				silent++
				lacks = append(lacks, "success")
			}
			for _, e := range op.Errors {
				exception := e[1].(string)
				why := unprovoked(service, op.Name, exception)
				switch seen := refused[name+" "+exception]; {
				case seen && why != "":
					t.Errorf("%s: %s was provoked, though it is said that it cannot be: %s", name, exception, why)
				case seen:
				case why != "":
					excused++
					excuses = append(excuses, exception)
				default:
					missing++
					lacks = append(lacks, exception)
				}
			}
			fmt.Fprintf(&table, "%-48s %s", name, strings.Join(lacks, " "))
			if len(excuses) > 0 {
				fmt.Fprintf(&table, " (not provoked: %s)", strings.Join(excuses, " "))
			}
			table.WriteString("\n")
		}
	}
	t.Logf("what each operation was not seen to do:\n%s%d errors cannot be provoked from outside", table.String(), excused)
	if silent > 0 || missing > 0 {
		t.Errorf("%d operations never worked, %d modelled errors were never seen", silent, missing)
	}
}
