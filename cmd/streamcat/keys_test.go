package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// output runs a command and gives what it prints to standard output, and its exit code.
func output(t *testing.T, args ...string) (string, int) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	real := os.Stdout
	os.Stdout = f
	code := run(args)
	os.Stdout = real
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), code
}

func TestKeysAreManagedWithoutAServer(t *testing.T) {
	dir := t.TempDir()
	keys := func(args ...string) (string, int) {
		t.Helper()
		return output(t, append(append([]string{"keys"}, args...), "--data-dir", dir)...)
	}
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.json", `{"Statement": [{"Effect": "Allow", "Action": ["ivs:Get*"], "Resource": "*"}]}`)
	made, code := keys("create", "--note", "ci", "--policy", good)
	m := regexp.MustCompile(`^\[default\]\naws_access_key_id = (AKIA\w{16})\naws_secret_access_key = (\S{40})\n$`).FindStringSubmatch(made)
	if code != 0 || m == nil {
		t.Fatalf("%d %s", code, made)
	}
	if text, code := keys("policy", m[1]); code != 0 || !strings.Contains(text, `"Action": "ivs:Get*"`) {
		t.Errorf("%d %s", code, text)
	}
	if rotated, code := keys("rotate", m[1]); code != 0 || strings.Contains(rotated, m[1]) {
		t.Errorf("%d %s", code, rotated)
	}
	if _, code := keys("policy", m[1], "--set", "none"); code != 0 {
		t.Error(code)
	}
	text, code := keys("list", "--json")
	var list []keyJSON
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 0 || len(list) != 2 {
		t.Fatalf("%d %s", code, text)
	}
	if list[0].ID != m[1] || list[0].Policy != nil || list[1].Policy == nil || list[1].Note != "ci" || strings.Contains(text, m[2]) {
		t.Errorf("%s", text)
	}
	if text, code := keys("list"); code != 0 || !regexp.MustCompile(m[1]+` .* never +no +ci\n`).MatchString(text) {
		t.Errorf("%d %s", code, text)
	}
	for name, args := range map[string][]string{
		"a policy that is not understood": {"create", "--policy", write("bad.json", `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)},
		"an empty policy":                 {"create", "--policy", write("empty.json", "")},
		"no such file":                    {"create", "--policy", filepath.Join(dir, "nothing.json")},
		"no such key":                     {"delete", "AKIANOBODY0000000000"},
	} {
		if text, code := keys(args...); code != exitFailed || text != "" {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, args := range [][]string{{"list"}, {"policy", m[1]}, {"rotate", m[1]}, {"delete", m[1]}} {
		if text, code := output(t, append(append([]string{"keys"}, args...), "--data-dir", nowhere)...); code != exitBadConfig || text != "" {
			t.Errorf("%v where no server has been: %d %s", args, code, text)
		}
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("looking for a key has made a data directory")
	}
	if _, code := keys("delete", m[1]); code != 0 {
		t.Error(code)
	}
	if text, _ := keys("list", "--json"); strings.Contains(text, m[1]) {
		t.Error("it is still there")
	}
}
