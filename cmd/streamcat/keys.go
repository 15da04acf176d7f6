package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
)

type keysCmd struct {
	Create keysCreate `cmd:"" help:"Make an access key; its secret is printed once."`
	List   keysList   `cmd:"" help:"List access keys."`
	Delete keysDelete `cmd:"" help:"Delete an access key; it is refused from then on."`
}

type keysCreate struct {
	Note string `arg:"" optional:"" help:"What the key is for."`
}

func (k keysCreate) Run(ctx context.Context, cfg *engine.Config) error {
	return engine.WithKeys(ctx, *cfg, func(keys engine.Keys) error {
		id, secret, err := keys.Create(ctx, k.Note)
		if err != nil {
			return err
		}
		fmt.Printf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
		return nil
	})
}

type keysList struct{}

func (keysList) Run(ctx context.Context, cfg *engine.Config) error {
	return engine.WithKeys(ctx, *cfg, func(keys engine.Keys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ACCESS KEY ID\tCREATED\tNOTE")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.Created.UTC().Format(time.RFC3339), k.Note)
		}
		return w.Flush()
	})
}

type keysDelete struct {
	ID string `arg:"" help:"The access key's id."`
}

func (k keysDelete) Run(ctx context.Context, cfg *engine.Config) error {
	return engine.WithKeys(ctx, *cfg, func(keys engine.Keys) error { return keys.Delete(ctx, k.ID) })
}
