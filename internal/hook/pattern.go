package hook

import (
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/store"
)

// wanted says whether an event passes the filters of a webhook or a replay. Empty lists let all pass; an
// event about the account as a whole passes no list of resources.
func wanted(e store.Event, detailTypes, resources []string) bool {
	if len(detailTypes) > 0 && !slices.Contains(detailTypes, e.DetailType) {
		return false
	}
	if len(resources) == 0 {
		return true
	}
	return slices.ContainsFunc(e.Resources, func(name string) bool {
		return slices.ContainsFunc(resources, func(pattern string) bool { return match(pattern, name) })
	})
}

// match says whether a name has the form of a pattern, in which * stands for any run of characters.
func match(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for {
		var part string
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part) // the leftmost leaves the most to what follows
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
}
