package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// newer are operations that the AWS SDK for Go, as pinned in go.mod, does not know yet.
var newer = []string{"ListParticipantReplicas", "StartParticipantReplication", "StopParticipantReplication"}

// gopher calls operations by the AWS SDK for Go and notes which it has seen.
type gopher struct {
	t    *testing.T
	e    *enginetest.Engine
	aws  aws.Config
	seen *sync.Map // of "service Operation"
}

// TestEveryOperationByGo calls every operation by the AWS SDK for Go: each must fill every member of its
// answer that the SDK knows, but for those that are absent by design.
func TestEveryOperationByGo(t *testing.T) {
	e := enginetest.Start(t)
	seen := &sync.Map{}
	t.Run("stories", func(t *testing.T) {
		// Participants come first: their stage is the only one then, so that every stage of a list has a session.
		for _, s := range []struct {
			name  string
			story func(*gopher)
		}{
			{"participants", (*gopher).participants},
			{"stages", (*gopher).stages},
			{"compositions", (*gopher).compositions},
			{"ivs", (*gopher).channels},
			{"live", (*gopher).liveChannel},
			{"chat", (*gopher).chat},
		} {
			t.Run(s.name, func(t *testing.T) { s.story(&gopher{t, e, e.AWS(), seen}) })
		}
	})
	for service, ops := range operations(t) {
		for _, op := range ops {
			_, called := seen.Load(service + " " + op.Name)
			if unknown := slices.Contains(newer, op.Name); called == unknown {
				t.Errorf("%s %s: called %t, newer than the SDK %t", service, op.Name, called, unknown)
			}
		}
	}
}

// works calls an operation that must succeed and fill its answer; absent are paths of members that are
// nothing by design, such as "Channel.Preset".
func works[In, Out, Options any](g *gopher, call func(context.Context, *In, ...func(*Options)) (*Out, error), in *In, absent ...string) *Out {
	g.t.Helper()
	input := reflect.TypeFor[In]()
	name := strings.TrimSuffix(input.Name(), "Input")
	out, err := call(g.t.Context(), in)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	holes := &holes{}
	holes.look(reflect.ValueOf(out).Elem(), "")
	for _, path := range holes.paths {
		if !slices.Contains(absent, path) && path != "NextToken" {
			g.t.Errorf("%s: %s is nothing", name, path)
		}
	}
	for _, path := range absent {
		if !slices.Contains(holes.paths, path) {
			g.t.Errorf("%s: %s is something, and should be absent", name, path)
		}
	}
	service := input.PkgPath()[strings.LastIndex(input.PkgPath(), "/")+1:]
	g.seen.Store(strings.Replace(service, "ivsrealtime", "ivs-realtime", 1)+" "+name, true)
	return out
}

// holes are the members of an answer that are nothing.
type holes struct{ paths []string }

// look goes through a value; of a list it looks at the first item.
func (h *holes) look(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		if v.IsNil() {
			h.paths = append(h.paths, path)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		h.look(v.Elem(), path)
	case reflect.Slice:
		if v.Len() > 0 {
			h.look(v.Index(0), path)
		}
	case reflect.String:
		// Enumerations are no pointers: an absent one is an empty text.
		if v.Type() != reflect.TypeFor[string]() && v.Len() == 0 {
			h.paths = append(h.paths, path)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Type == reflect.TypeFor[middleware.Metadata]() {
				continue
			}
			h.look(v.Field(i), strings.TrimPrefix(path+"."+f.Name, "."))
		}
	}
}

// eventually calls until something is so.
func (g *gopher) eventually(what string, ok func() bool) {
	g.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !ok(); {
		select {
		case <-end:
			g.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// publicKey makes a public key that tokens may be signed against.
func (g *gopher) publicKey() *string {
	g.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		g.t.Fatal(err)
	}
	return aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}

func (g *gopher) tailor() string {
	return fmt.Sprintf("arn:aws:mediatailor:%s:000000000000:playbackConfiguration/ads", g.e.Region)
}
