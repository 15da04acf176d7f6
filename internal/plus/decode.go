package plus

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// decode reads the body into the struct that in points to. Members are known by their exact names; one that
// is not known is refused, and null counts as absent. An empty body is an empty object.
func (v *visit) decode(in any) error {
	if len(v.body) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if !utf8.Valid(v.body) || json.Unmarshal(v.body, &members) != nil || members == nil {
		return fault.InvalidInput("the body is not a JSON object")
	}
	to := reflect.ValueOf(in).Elem()
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		raw, ok := members[name]
		delete(members, name)
		if !ok || string(raw) == "null" {
			continue
		}
		if json.Unmarshal(raw, to.Field(i).Addr().Interface()) != nil {
			return fault.InvalidInput("%s has the wrong type", name)
		}
	}
	for name := range members {
		return fault.InvalidInput("the member %.64q is not known", name)
	}
	return nil
}

// checkQuery refuses parameters that the operation does not know, or that come twice.
func (v *visit) checkQuery() error {
	for name, values := range v.URL.Query() {
		if !slices.Contains(v.op.query, name) && !strings.HasPrefix(name, "X-Amz-") {
			return fault.InvalidInput("the parameter %.64q is not known", name)
		}
		if len(values) > 1 {
			return fault.InvalidInput("the parameter %s comes more than once", name)
		}
		if !isText(values[0]) {
			return fault.InvalidInput("the parameter %s is not UTF-8 text", name)
		}
	}
	return nil
}

// isText says whether every database takes it.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// param gives a parameter of the query: empty if it is absent.
func (v *visit) param(name string) string { return v.URL.Query().Get(name) }

// number reads a parameter that is a whole number from least on.
func (v *visit) number(name string, instead, least, most int64) (int64, error) {
	text := v.param(name)
	if text == "" {
		return instead, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fault.InvalidInput("%s must be a whole number from %d to %d", name, least, most)
	}
	return n, nil
}

// pageSize is how much of a list is wanted.
func (v *visit) pageSize() (int, error) {
	n, err := v.number("maxResults", 50, 1, 100)
	return int(n), err
}

// nextToken is the token that the request goes on from; nil: from the beginning.
func (v *visit) nextToken() *string {
	if token := v.param("nextToken"); token != "" {
		return &token
	}
	return nil
}

// moment reads a time: empty is none.
func moment(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return at, fault.InvalidInput("%s must be a time such as 2026-11-23T08:00:00Z", name)
	}
	return at, nil
}

// stamp prints a time; the zero Time is left out.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// list is never null in an answer.
func list[T any](items []T) []T { return append([]T{}, items...) }
