package e2e

import (
	"bytes"
	"database/sql"
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
	t.Run("open", func(t *testing.T) {
		dir := t.TempDir()
		e := enginetest.Start(t, enginetest.DataDir(dir))
		seen.add(judges(t, e, []string{
			"ivs-channels", "ivs-configurations", "ivs-streams", "rt-stages", "rt-configurations", "rt-participants",
			"rt-compositions", "chat-rooms", "chat-messages", "signatures", "denied",
		},
			"STREAMCAT_POWERLESS="+accessKey(t, dir, `{"Effect":"Deny","Action":"*","Resource":"*"}`),
			"STREAMCAT_NARROW="+accessKey(t, dir, `{"Effect":"Allow","Action":"ivs:ListChannels","Resource":"*"}`)))
	})
	t.Run("quotas", func(t *testing.T) {
		dir := t.TempDir()
		e := enginetest.Start(t, enginetest.DataDir(dir), func(c *engine.Config) { c.Quotas = "aws" })
		fill(t, dir)
		seen.add(judges(t, e, []string{"quotas"}))
	})
	wantCoverage(t, seen)
}

// accessKey makes a key that has a policy of one statement: its id and secret.
func accessKey(t *testing.T, dir, statement string) (key string) {
	t.Helper()
	cfg := engine.Defaults()
	cfg.DataDir = dir
	err := engine.WithKeys(t.Context(), cfg, func(keys engine.Keys) error {
		made, secret, err := keys.Create(t.Context(), "conformance", json.RawMessage(`{"Version":"2012-10-17","Statement":[`+statement+`]}`))
		key = made.ID + " " + secret
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// quotas are what AWS publishes of how many of a kind an account may have, but for its 50,000 rooms.
var quotas = map[string]int{
	"channel": 5000, "playback-key": 3, "recording-configuration": 20, "playback-restriction-policy": 20, "ad-configuration": 20,
	"stage": 1000, "encoder-configuration": 20, "storage-configuration": 5, "ingest-configuration": 100, "public-key": 3,
	"logging-configuration": 10,
}

// fill leaves room for one more of each kind. Nobody could wait for as many to be made by their rates, so
// hollow ones are written past the engine, which only counts them.
func fill(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "streamcat.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for kind, limit := range quotas {
		_, err := db.ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
			INSERT INTO resources (arn, kind, version, created, updated, doc) SELECT 'hollow ' || $1 || i, $1, 1, 0, 0, '{}' FROM n`, kind, limit-1)
		if err != nil {
			t.Fatal(err)
		}
	}
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
