package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// yamlSettings reads a settings file: one flat YAML mapping from flag names to values. A name that is
// no flag is an error, so that a typo does not pass for a setting.
func yamlSettings(r io.Reader) (kong.Resolver, error) {
	values := map[string]yaml.Node{} // nodes, since 000000000000 is an account and no number
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	return &fileSettings{values}, nil
}

type fileSettings struct{ values map[string]yaml.Node }

// Validate wants every name in the file to be a flag.
func (f *fileSettings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, group := range app.AllFlags(false) {
		for _, flag := range group {
			known[flag.Name] = true
		}
	}
	for name := range f.values {
		if !known[name] {
			return fmt.Errorf("settings file: %s is not a setting", name)
		}
	}
	return nil
}

// Resolve gives the file's value of a flag, unless the environment has one: that wins.
func (f *fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	v, ok := f.values[flag.Name]
	if !ok {
		return nil, nil
	}
	if v.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("settings file: %s must be one value", flag.Name)
	}
	return v.Value, nil
}
