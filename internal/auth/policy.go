package auth

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// Policy is an access policy in the language of AWS IAM, as far as this server understands it: ParsePolicy
// refuses the rest. It never changes. Whatever no statement allows is denied, and what one denies is denied
// whatever others say.
type Policy struct {
	version, id string
	statements  []statement
	text        string // printed
	wantsTags   bool
}

// Ask is what somebody wants to do to one resource.
type Ask struct {
	Action       string // such as "ivs:CreateChannel"
	Resource     string
	ResourceTags map[string]string // of the resource, as it is; see WantsResourceTags
	RequestTags  map[string]string // that the request gives
	Source       netip.Addr        // where the request comes from; the zero Addr is no network address
}

// Decision is a policy's answer.
type Decision uint8

// The two ways to be denied differ only in what the caller is told.
const (
	DeniedByDefault   Decision = iota // no statement allows it
	DeniedByStatement                 // a statement denies it
	Allowed
)

// statement is one statement of a policy; either list of a pair is nil.
type statement struct {
	sid                     string
	deny                    bool
	actions, notActions     []string
	resources, notResources []string
	conditions              []condition
}

// condition is one operator on one key. All conditions of a statement must hold.
type condition struct {
	operator string // as printed
	test     test
	negated  bool // holds if no value fits
	ifExists bool // holds if there is nothing to compare
	key      conditionKey
	values   []string
	networks []netip.Prefix // the values, where the test is sameNetwork
}

type test uint8

const (
	sameText test = iota
	likeText
	sameNetwork
)

// conditionKey says what a condition looks at.
type conditionKey struct {
	name string // aws:ResourceTag, aws:RequestTag or aws:SourceIp
	tag  string
}

func (k conditionKey) String() string {
	if k.tag == "" {
		return k.name
	}
	return k.name + "/" + k.tag
}

// Names of condition keys as they are printed; their case does not count.
const (
	resourceTag = "aws:ResourceTag"
	requestTag  = "aws:RequestTag"
	sourceIP    = "aws:SourceIp"
)

// String prints the policy as JSON in a fixed form, without spaces. It parses to the same policy.
func (p *Policy) String() string { return p.text }

// WantsResourceTags tells whether the policy's answers depend on the tags of resources.
func (p *Policy) WantsResourceTags() bool { return p.wantsTags }

// Decide answers.
func (p *Policy) Decide(a Ask) Decision {
	d := DeniedByDefault
	for i := range p.statements {
		switch s := &p.statements[i]; {
		case !s.deny && d == Allowed || !s.about(&a):
		case s.deny:
			return DeniedByStatement
		default:
			d = Allowed
		}
	}
	return d
}

// about tells whether a statement speaks of what is asked.
func (s *statement) about(a *Ask) bool {
	return s.aboutAction(a.Action) && s.aboutResource(a.Resource) &&
		!slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(a) })
}

func (s *statement) aboutAction(action string) bool {
	if s.actions != nil {
		return anyLike(s.actions, action, true)
	}
	return !anyLike(s.notActions, action, true)
}

func (s *statement) aboutResource(resource string) bool {
	if s.resources != nil {
		return anyLike(s.resources, resource, false)
	}
	return !anyLike(s.notResources, resource, false)
}

func (c *condition) holds(a *Ask) bool {
	if c.test == sameNetwork {
		if !a.Source.IsValid() {
			return c.negated || c.ifExists
		}
		source := a.Source.Unmap().WithZone("")
		return slices.ContainsFunc(c.networks, func(n netip.Prefix) bool { return n.Contains(source) }) != c.negated
	}
	tags := a.ResourceTags
	if c.key.name == requestTag {
		tags = a.RequestTags
	}
	value, ok := tagOf(tags, c.key.tag)
	switch {
	case !ok:
		return c.negated || c.ifExists
	case c.test == likeText:
		return anyLike(c.values, value, false) != c.negated
	}
	return slices.Contains(c.values, value) != c.negated
}

// tagOf finds a tag. The case of its key does not count, as at AWS; where several differ in nothing else, the
// one written as asked for wins, then the first in order.
func tagOf(tags map[string]string, key string) (value string, ok bool) {
	if value, ok = tags[key]; ok {
		return value, true
	}
	first := ""
	for k, v := range tags {
		if strings.EqualFold(k, key) && (!ok || k < first) {
			first, value, ok = k, v, true
		}
	}
	return value, ok
}

func anyLike(patterns []string, text string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return like(p, text, fold) })
}

// like tells whether text has the form of pattern, in which * stands for any characters and ? for one. fold ignores the case of ASCII letters.
func like(pattern, text string, fold bool) bool {
	if pattern == "*" {
		return true
	}
	p, t := 0, 0
	star, from := -1, 0 // where to go on if what follows the last star does not fit
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += runeLen(text[t:])
		case p < len(pattern) && (pattern[p] == text[t] || fold && lower(pattern[p]) == lower(text[t])):
			p++
			t++
		case star >= 0:
			from += runeLen(text[from:])
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// runeLen is the length of the first character of text, which is not empty.
func runeLen(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// Authorize gives an AccessDenied fault in AWS's words where the principal's policy does not allow what is
// asked, all of it. Without a policy everything is allowed.
func (p Principal) Authorize(region string, asks ...Ask) error {
	if p.Policy == nil {
		return nil
	}
	for _, a := range asks {
		why := "because no identity-based policy allows the " + a.Action + " action"
		switch p.Policy.Decide(a) {
		case Allowed:
			continue
		case DeniedByStatement:
			why = "with an explicit deny in an identity-based policy"
		}
		resource := a.Resource
		if !strings.HasPrefix(resource, "arn:") || len(resource) > 128 { // not a name: who knows what it is
			resource = "*"
		}
		return fault.AccessDenied("User: arn:aws:streamcat:%s:%s:access-key/%s is not authorized to perform: %s on resource: %s %s",
			region, p.AccountID, p.AccessKeyID, a.Action, resource, why)
	}
	return nil
}
