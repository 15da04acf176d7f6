package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestGeneratedFilesAreWhatTheFactsGive(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./... (%v)", name, err)
		}
	}
	old, err := stale(root, files)
	if err != nil || len(old) > 0 {
		t.Errorf("generated files that nothing makes any more: %v, %v", old, err)
	}
}

func TestTheServicesHave96Operations(t *testing.T) {
	routes := map[string]bool{}
	total := 0
	for _, p := range packages {
		m, err := load(root, p.service)
		if err != nil {
			t.Fatal(err)
		}
		total += len(m.Operations)
		for _, op := range m.Operations {
			routes[op.Method+" "+op.Path] = true
			if op.Input == "" {
				t.Errorf("%s has no input", op.Name)
			}
			if op.Path != "/"+op.Name && op.Path != "/tags/{resourceArn}" {
				t.Errorf("%s is at %s", op.Name, op.Path)
			}
		}
	}
	if total != 96 || len(routes) != 90 {
		t.Errorf("%d operations on %d routes, want 96 on 90", total, len(routes))
	}
}

func TestNoGeneratedFileIsLong(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if n := bytes.Count(content, []byte("\n")); strings.HasSuffix(name, ".go") && n > 400 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
}

func TestOverridesMustNameShapesThatExist(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "spec"), os.DirFS(filepath.Join(root, "spec"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "spec", "overrides.json"), []byte(`{"ivs": {"patterns": {"Chanel": "x"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir, "ivs"); err == nil || !strings.Contains(err.Error(), "Chanel") {
		t.Errorf("got %v", err)
	}
}
