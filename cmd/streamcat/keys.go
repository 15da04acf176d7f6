package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
)

type keysCmd struct {
	Create keysCreate `cmd:"" help:"Make an access key; its secret is printed once, in the form of an AWS credentials file."`
	List   keysList   `cmd:"" help:"List access keys: when they were made and last used, and whether a policy limits them."`
	Policy keysPolicy `cmd:"" help:"Print or set what an access key may do."`
	Rotate keysRotate `cmd:"" help:"Make a new key with the note and policy of an old one, which lives on until it is deleted."`
	Delete keysDelete `cmd:"" help:"Delete an access key; it is refused within a second."`
}

type keysCreate struct {
	Note   string `help:"What the key is for."`
	Policy string `help:"File with an access policy in JSON, - for standard input; without one the key may do everything." placeholder:"FILE|-"`
}

func (k keysCreate) Run(ctx context.Context, cfg *engine.Config) error {
	policy, err := readPolicy(k.Policy)
	if err != nil {
		return err
	}
	if !inUse(cfg) {
		fmt.Fprintf(os.Stderr, "streamcat: %s is new: the key is good for a server that is started there\n", cfg.DataDir)
	}
	return engine.WithKeys(ctx, *cfg, func(keys engine.Keys) error {
		key, secret, err := keys.Create(ctx, k.Note, policy)
		if err != nil {
			return err
		}
		printCredentials(key, secret)
		return nil
	})
}

// inUse says whether a data directory has been used before.
func inUse(cfg *engine.Config) bool {
	_, err := os.Stat(filepath.Join(cfg.DataDir, "keys"))
	return err == nil
}

// withKeys is for commands that look for a key: where no server has been there is none, and nothing is made.
func withKeys(ctx context.Context, cfg *engine.Config, use func(engine.Keys) error) error {
	if !cfg.Ephemeral && !inUse(cfg) {
		return &engine.BadConfig{Setting: "data-dir", Why: fmt.Sprintf("%s is not the data directory of a server", cfg.DataDir)}
	}
	return engine.WithKeys(ctx, *cfg, use)
}

// readPolicy reads a file, or standard input; no name gives nil.
func readPolicy(name string) (text json.RawMessage, err error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	default:
		text, err = os.ReadFile(name)
	}
	if err == nil && text == nil {
		text = json.RawMessage{} // nothing is no policy, not the lack of one
	}
	return text, err
}

func printCredentials(key engine.AccessKey, secret string) {
	fmt.Printf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", key.ID, secret)
}

// keyJSON is an access key for programs.
type keyJSON struct {
	ID       string          `json:"id"`
	Note     string          `json:"note"`
	Created  time.Time       `json:"created"`
	LastUsed time.Time       `json:"lastUsed,omitzero"`
	Root     bool            `json:"root"`
	Policy   json.RawMessage `json:"policy,omitempty"`
}

type keysList struct {
	JSON bool `name:"json" help:"Print JSON, policies included."`
}

func (k keysList) Run(ctx context.Context, cfg *engine.Config) error {
	return withKeys(ctx, cfg, func(keys engine.Keys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		if k.JSON {
			list := []keyJSON{}
			for _, key := range all {
				list = append(list, keyJSON(key))
			}
			e := json.NewEncoder(os.Stdout)
			e.SetIndent("", "  ")
			return e.Encode(list)
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ACCESS KEY ID\tCREATED\tLAST USED\tPOLICY\tNOTE")
		for _, key := range all {
			used, policy := "never", "no"
			if !key.LastUsed.IsZero() {
				used = key.LastUsed.UTC().Format(time.RFC3339)
			}
			if key.Policy != nil {
				policy = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", key.ID, key.Created.UTC().Format(time.RFC3339), used, policy, key.Note)
		}
		return w.Flush()
	})
}

type keysPolicy struct {
	ID  string `arg:"" help:"The access key's id."`
	Set string `help:"File with the new policy in JSON, - for standard input, none to let the key do everything." placeholder:"FILE|-|none"`
}

func (k keysPolicy) Run(ctx context.Context, cfg *engine.Config) error {
	if k.Set != "" {
		name := k.Set
		if name == "none" {
			name = ""
		}
		policy, err := readPolicy(name)
		if err != nil {
			return err
		}
		return withKeys(ctx, cfg, func(keys engine.Keys) error { return keys.SetPolicy(ctx, k.ID, policy) })
	}
	return withKeys(ctx, cfg, func(keys engine.Keys) error {
		key, err := keys.Get(ctx, k.ID)
		if err != nil {
			return err
		}
		if key.Policy == nil {
			fmt.Fprintln(os.Stderr, "no policy: the key may do everything")
			return nil
		}
		var text bytes.Buffer
		if err := json.Indent(&text, key.Policy, "", "  "); err != nil {
			return err
		}
		fmt.Println(text.String())
		return nil
	})
}

type keysRotate struct {
	ID string `arg:"" help:"The access key's id."`
}

func (k keysRotate) Run(ctx context.Context, cfg *engine.Config) error {
	return withKeys(ctx, cfg, func(keys engine.Keys) error {
		key, secret, err := keys.Rotate(ctx, k.ID)
		if err != nil {
			return err
		}
		printCredentials(key, secret)
		return nil
	})
}

type keysDelete struct {
	ID string `arg:"" help:"The access key's id."`
}

func (k keysDelete) Run(ctx context.Context, cfg *engine.Config) error {
	return withKeys(ctx, cfg, func(keys engine.Keys) error { return keys.Delete(ctx, k.ID) })
}
