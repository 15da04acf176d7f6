// Command specgen turns the facts of the three services, spec/*.json, into Go: shapes, validation, route tables,
// and what a request is about; and into docs/compat.md. Run it with go generate ./... and commit what it
// writes.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:generate go run . ../..

func main() {
	flag.Parse()
	if err := run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "specgen:", err)
		os.Exit(1)
	}
}

// run writes every generated file under root, the top of the repository, and deletes generated files
// of the service packages that are no longer made.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	old, err := stale(root, files)
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stale lists generated files on disk that generate does not make.
func stale(root string, files map[string][]byte) ([]string, error) {
	var old []string
	for _, pkg := range packages {
		paths, err := filepath.Glob(filepath.Join(root, pkg.dir, "*_gen.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if name := pkg.dir + "/" + filepath.Base(path); files[name] == nil {
				old = append(old, name)
			}
		}
	}
	return old, nil
}

// packages are the homes of the services, in the order of the manual.
var packages = []struct{ service, dir string }{
	{"ivs", "internal/ivs"},
	{"ivs-realtime", "internal/ivsrealtime"},
	{"ivschat", "internal/ivschat"},
}

// generate makes all files; keys are paths from root, with slashes.
func generate(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var models []*model
	for _, pkg := range packages {
		m, err := load(root, pkg.service)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(pkg.dir)
		for file, write := range m.files() {
			content, err := source(name, write)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", pkg.dir, file, err)
			}
			files[pkg.dir+"/"+file] = content
		}
		models = append(models, m)
	}
	known, err := os.ReadFile(filepath.Join(root, "spec", "differences.md"))
	if err != nil {
		return nil, err
	}
	files["docs/compat.md"] = compat(models, strings.TrimSpace(string(known)))
	return files, nil
}
