package internal_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/streamcat/streamcat/"

// floors is the house of docs/architecture.md: a package imports only packages on floors below its own.
var floors = map[string]int{
	"internal/fault": 0, "internal/arn": 0,
	"internal/media": 1, "internal/auth": 1, "internal/store": 1, "internal/bus": 1, "internal/blob": 1, "internal/bwe": 1,
	"internal/api": 2, "internal/ingest": 2, "internal/hls": 2, "internal/hook": 2, "internal/review": 2,
	"internal/rtc": 2, "internal/sfu": 2, "internal/transcode": 2, "internal/tlsport": 2, "internal/turn": 2, "internal/cluster": 2,
	"internal/chatlog": 3,
	"internal/channel": 4, "internal/room": 4, "internal/stage": 4, "internal/ugc": 4,
	"internal/ivs": 5, "internal/ivsrealtime": 5, "internal/ivschat": 5, "internal/plus": 5, "internal/site": 5,
	"internal/engine": 6,
	"cmd/streamcat":   7,
}

// workshop packages are tools and test support: outside the house, and no product package imports them.
var workshop = []string{"internal/specgen", "internal/store/storetest", "internal/api/apitest", "internal/hls/hlscheck", "internal/engine/enginetest", "internal/media/mediatest", "internal/rtc/rtctest", "internal/tlsport/tlstest", "internal/sfu/sfubench", "internal/hls/hlsbench", "internal/room/chatbench", "internal/gauge", "internal/impair", "internal/engine/configdoc", "internal", "e2e"}

// live is the side that runs media and rooms; the web app may reach it only through the AWS SDK.
var live = []string{
	"internal/media", "internal/ingest", "internal/hls", "internal/channel", "internal/room",
	"internal/rtc", "internal/bwe", "internal/sfu", "internal/transcode", "internal/stage",
	"internal/ivs", "internal/ivsrealtime", "internal/ivschat", "internal/api", "internal/hook", "internal/review", "internal/plus", "internal/chatlog",
}

type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func name(path string) string { return strings.TrimPrefix(path, module) }

func TestPackagesImportOnlyFloorsBelow(t *testing.T) {
	for _, p := range packages(t) {
		own := name(p.ImportPath)
		if slices.Contains(workshop, own) {
			continue
		}
		floor, ok := floors[own]
		if !ok {
			t.Errorf("%s stands on no floor: add it to the table and to docs/architecture.md", own)
			continue
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module) {
				continue
			}
			other := name(i)
			if slices.Contains(workshop, other) {
				t.Errorf("%s imports %s, which is only for tests and tools", own, other)
			} else if floors[other] >= floor && floors[other] > 0 { // floor 0 is free to all
				t.Errorf("%s (floor %d) imports %s (floor %d)", own, floor, other, floors[other])
			}
		}
	}
}

func TestWebAppKnowsIVSOnlyThroughTheSDK(t *testing.T) {
	for _, p := range packages(t) {
		if own := name(p.ImportPath); own == "internal/ugc" || own == "internal/site" {
			for _, i := range p.Imports {
				if slices.Contains(live, name(i)) {
					t.Errorf("%s imports %s", own, name(i))
				}
			}
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	for _, p := range packages(t) {
		var commented []string
		for _, f := range p.GoFiles {
			tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if tree.Doc != nil {
				commented = append(commented, f)
			}
		}
		if len(p.GoFiles) > 0 && len(commented) != 1 {
			t.Errorf("%s: package comments in %v, want exactly one", name(p.ImportPath), commented)
		}
	}
}
