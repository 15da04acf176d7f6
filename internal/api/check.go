package api

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// Check collects the shape rules that a request breaks. Generated Validate methods fill it; operations
// may add rules of their own. The zero value is ready. Messages never repeat a value: it may be secret.
//
// Each method takes the place of the value in two parts, so that nothing is joined unless a rule is
// broken: at is the path of the surrounding shape with its final dot, or empty.
type Check struct {
	fields []fault.Field
	more   int // rules broken beyond maxBroken
}

// maxBroken is how many broken rules are told: a long list of bad items must not make an answer that is many
// times as long.
const maxBroken = 50

// Pattern is a regular expression for a whole value.
type Pattern struct {
	whole *regexp.Regexp
	shown string // as people know it
}

// MustPattern makes a pattern out of an expression that is known to be right.
func MustPattern(expr string) *Pattern {
	return &Pattern{regexp.MustCompile("^(?:" + expr + ")$"), expr}
}

// Broken notes a rule that is broken, in words that follow the member's name.
func (c *Check) Broken(at, name, message string) {
	if len(c.fields) == maxBroken {
		c.more++
		return
	}
	c.fields = append(c.fields, fault.Field{Name: at + name, Message: message})
}

// Missing notes that a required member is absent.
func (c *Check) Missing(at, name string) { c.Broken(at, name, "is required") }

// Length wants least to most code points; most < 0 means no limit.
func (c *Check) Length(at, name, value string, least, most int) {
	if len(value) >= least*utf8.UTFMax && (most < 0 || len(value) <= most) {
		return // no need to count
	}
	c.count(at, name, utf8.RuneCountInString(value), least, most, "characters")
}

// Count wants least to most items; most < 0 means no limit.
func (c *Check) Count(at, name string, n, least, most int) {
	c.count(at, name, n, least, most, "items")
}

func (c *Check) count(at, name string, n, least, most int, unit string) {
	switch {
	case n < least:
		c.Broken(at, name, "must have at least "+strconv.Itoa(least)+" "+unit)
	case most >= 0 && n > most:
		c.Broken(at, name, "must have at most "+strconv.Itoa(most)+" "+unit)
	}
}

// Range wants n within least and most.
func (c *Check) Range(at, name string, n, least, most int64) {
	if n < least || n > most {
		c.Broken(at, name, "must be between "+strconv.FormatInt(least, 10)+" and "+strconv.FormatInt(most, 10))
	}
}

// AtLeast wants n to be least or more.
func (c *Check) AtLeast(at, name string, n, least int64) {
	if n < least {
		c.Broken(at, name, "must be at least "+strconv.FormatInt(least, 10))
	}
}

// FloatRange wants n within least and most.
func (c *Check) FloatRange(at, name string, n, least, most float64) {
	if !(n >= least && n <= most) { // refuses what is not a number, too
		c.Broken(at, name, "must be between "+strconv.FormatFloat(least, 'g', -1, 64)+" and "+strconv.FormatFloat(most, 'g', -1, 64))
	}
}

// Match wants the whole value to match a pattern.
func (c *Check) Match(at, name, value string, p *Pattern) {
	if !p.whole.MatchString(value) {
		c.Broken(at, name, "must match "+p.shown)
	}
}

// OneOf wants one of the values of an enumeration.
func (c *Check) OneOf(at, name, value string, values []string) {
	if !slices.Contains(values, value) {
		c.Broken(at, name, "must be one of "+strings.Join(values, ", "))
	}
}

// Reserved refuses values that begin with a prefix, whatever its case.
func (c *Check) Reserved(at, name, value, prefix string) {
	if len(value) >= len(prefix) && strings.EqualFold(value[:len(prefix)], prefix) {
		c.Broken(at, name, "must not begin with "+prefix)
	}
}

// TotalBytes wants all keys and values together to be at most that many bytes of UTF-8.
func (c *Check) TotalBytes(at, name string, m map[string]string, most int) {
	total := 0
	for k, v := range m {
		total += len(k) + len(v)
	}
	if total > most {
		c.Broken(at, name, "must be at most "+strconv.Itoa(most)+" bytes in total")
	}
}

// ExactlyOne wants one member of a union to be set.
func (c *Check) ExactlyOne(at string, set ...bool) {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	if n != 1 {
		name := strings.TrimSuffix(at, ".")
		c.Broken("", name, "must have exactly one member")
	}
}

// Item gives the name of an item of a list.
func Item(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

// Err gives one Invalid fault for all that was noted, or nil.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	slices.SortStableFunc(c.fields, func(a, b fault.Field) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	for i, f := range c.fields {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Name + " " + f.Message)
		if i == 4 && len(c.fields) > 6 { // an answer stays readable whatever was sent
			b.WriteString("; and " + strconv.Itoa(len(c.fields)-5+c.more) + " more")
			break
		}
	}
	err := fault.InvalidInput("%s", b.String())
	err.Fields = c.fields
	return err
}
