package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// MaxPolicy is how many characters a printed policy may have, as at AWS.
const MaxPolicy = 6144

// ParsePolicy reads a policy document. It is strict, since a policy that is half understood is dangerous: what
// it does not know is an Invalid fault that names the place.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > 10*MaxPolicy {
		return nil, wrongPolicy("", "is longer than %d characters", MaxPolicy)
	}
	if !utf8.Valid(text) {
		return nil, wrongPolicy("", "is not UTF-8")
	}
	p := &Policy{}
	list, err := membersOf(text, "")
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		switch m.name {
		case "Version":
			p.version, err = oneString(m)
			if err == nil && p.version != "2012-10-17" && p.version != "2008-10-17" {
				err = wrongPolicy(m.at, "must be 2012-10-17 or 2008-10-17")
			}
		case "Id":
			p.id, err = oneString(m)
		case "Statement":
			p.statements, err = statementsOf(m)
		default:
			err = unknownElement(m.at)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.statements == nil {
		return nil, wrongPolicy("Statement", "is missing")
	}
	var sids []string
	for i, s := range p.statements {
		if s.sid != "" && slices.Contains(sids, s.sid) {
			return nil, wrongPolicy(fmt.Sprintf("Statement[%d].Sid", i), "is that of another statement, too")
		}
		sids = append(sids, s.sid)
		p.wantsTags = p.wantsTags || slices.ContainsFunc(s.conditions, func(c condition) bool { return c.key.name == resourceTag })
	}
	p.text = p.print()
	if n := utf8.RuneCountInString(p.text); n > MaxPolicy {
		return nil, wrongPolicy("", "has %d characters without spaces, at most %d are allowed", n, MaxPolicy)
	}
	return p, nil
}

// wrongPolicy says what is wrong with a place in a policy; the empty place is all of it.
func wrongPolicy(at, format string, args ...any) error {
	if len(at) > 160 {
		at = strings.ToValidUTF8(at[:160], "") + "…"
	}
	if at != "" {
		at = ": " + at
	}
	return fault.InvalidInput("policy%s %s", at, fmt.Sprintf(format, args...))
}

func unknownElement(at string) error { return wrongPolicy(at, "is an element that is not understood") }

// member is one member of a JSON object.
type member struct {
	name, at string
	raw      json.RawMessage
}

// membersOf reads an object, in order. Unlike encoding/json it lets no name appear twice.
func membersOf(raw []byte, at string) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, wrongPolicy(at, "must be a JSON object")
	}
	var list []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, wrongPolicy(at, "is not valid JSON")
		}
		m := member{name: name.(string), at: name.(string)}
		if at != "" {
			m.at = at + "." + m.name
		}
		if err := d.Decode(&m.raw); err != nil {
			return nil, wrongPolicy(m.at, "is not valid JSON")
		}
		if slices.ContainsFunc(list, func(o member) bool { return o.name == m.name }) {
			return nil, wrongPolicy(m.at, "is there twice")
		}
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, wrongPolicy(at, "is not valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrongPolicy(at, "has something behind its end")
	}
	return list, nil
}

func oneString(m member) (string, error) {
	var s *string
	if err := json.Unmarshal(m.raw, &s); err != nil || s == nil || *s == "" {
		return "", wrongPolicy(m.at, "must be a string")
	}
	return *s, nil
}

// itemsOf reads one value or a list of at least one.
func itemsOf(m member) ([]member, error) {
	if m.raw[0] != '[' {
		return []member{m}, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(m.raw, &raw); err != nil || len(raw) == 0 {
		return nil, wrongPolicy(m.at, "must not be an empty list")
	}
	var items []member
	for i, r := range raw {
		items = append(items, member{m.name, m.at + "[" + strconv.Itoa(i) + "]", r})
	}
	return items, nil
}

// textsOf reads one string or a list, each of which must pass a check.
func textsOf(m member, check func(text string) (problem string)) ([]string, error) {
	items, err := itemsOf(m)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, item := range items {
		var s *string
		if err := json.Unmarshal(item.raw, &s); err != nil || s == nil {
			return nil, wrongPolicy(item.at, "must be a string")
		}
		if strings.Contains(*s, "${") {
			return nil, wrongPolicy(item.at, "holds a policy variable, which is not understood")
		}
		if problem := check(*s); problem != "" {
			return nil, wrongPolicy(item.at, "%s", problem)
		}
		out = append(out, *s)
	}
	return out, nil
}

func statementsOf(m member) ([]statement, error) {
	items, err := itemsOf(m)
	if err != nil {
		return nil, err
	}
	var out []statement
	for i, item := range items {
		item.at = fmt.Sprintf("Statement[%d]", i)
		s, err := statementOf(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func statementOf(m member) (s statement, err error) {
	list, err := membersOf(m.raw, m.at)
	if err != nil {
		return s, err
	}
	effect := ""
	for _, m := range list {
		switch m.name {
		case "Sid":
			if string(m.raw) == `""` { // as some tools write
				continue
			}
			if s.sid, err = oneString(m); err == nil && !sidForm.MatchString(s.sid) {
				err = wrongPolicy(m.at, "must be letters and digits")
			}
		case "Effect":
			if effect, err = oneString(m); err == nil && effect != "Allow" && effect != "Deny" {
				err = wrongPolicy(m.at, "must be Allow or Deny")
			}
			s.deny = effect == "Deny"
		case "Action":
			s.actions, err = textsOf(m, checkAction)
		case "NotAction":
			s.notActions, err = textsOf(m, checkAction)
		case "Resource":
			s.resources, err = textsOf(m, checkResource)
		case "NotResource":
			s.notResources, err = textsOf(m, checkResource)
		case "Condition":
			s.conditions, err = conditionsOf(m)
		default:
			err = unknownElement(m.at)
		}
		if err != nil {
			return s, err
		}
	}
	switch {
	case effect == "":
		return s, wrongPolicy(m.at, "has no Effect")
	case (s.actions == nil) == (s.notActions == nil):
		return s, wrongPolicy(m.at, "must have one of Action and NotAction")
	case (s.resources == nil) == (s.notResources == nil):
		return s, wrongPolicy(m.at, "must have one of Resource and NotResource")
	}
	return s, nil
}

var (
	sidForm    = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	actionForm = regexp.MustCompile(`^(?i:(ivs|ivschat|streamcat):[a-z0-9*?]+|\*)$`)
)

func checkAction(a string) string {
	if !actionForm.MatchString(a) {
		return "must be * or the name of an operation behind ivs:, ivschat: or streamcat:, with * and ? as wildcards"
	}
	return ""
}

func checkResource(r string) string {
	if r != "*" && !strings.HasPrefix(r, "arn:") {
		return "must be * or begin with arn:"
	}
	return ""
}

func conditionsOf(m member) ([]condition, error) {
	operators, err := membersOf(m.raw, m.at)
	if err != nil {
		return nil, err
	}
	var out []condition
	for _, o := range operators {
		c := condition{operator: o.name}
		name, ifExists := strings.CutSuffix(o.name, "IfExists")
		c.ifExists = ifExists
		switch name {
		case "StringNotEquals", "StringNotLike", "NotIpAddress":
			c.negated = true
		}
		switch name {
		case "StringEquals", "StringNotEquals":
			c.test = sameText
		case "StringLike", "StringNotLike":
			c.test = likeText
		case "IpAddress", "NotIpAddress":
			c.test = sameNetwork
		default:
			return nil, wrongPolicy(o.at, "is an operator that is not understood")
		}
		keys, err := membersOf(o.raw, o.at)
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			return nil, wrongPolicy(o.at, "must have a condition key")
		}
		of := len(out)
		for _, k := range keys {
			if err := c.read(k); err != nil {
				return nil, err
			}
			if slices.ContainsFunc(out[of:], func(o condition) bool { return strings.EqualFold(o.key.String(), c.key.String()) }) {
				return nil, wrongPolicy(k.at, "is there twice")
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// read reads one key of an operator with its values.
func (c *condition) read(m member) (err error) {
	name, tag, tagged := strings.Cut(m.name, "/")
	c.key, c.values, c.networks = conditionKey{}, nil, nil
	for _, known := range []string{resourceTag, requestTag, sourceIP} {
		if strings.EqualFold(name, known) && tagged == (known != sourceIP) && tagged == (tag != "") {
			c.key = conditionKey{known, tag}
		}
	}
	switch {
	case c.key.name == "":
		return wrongPolicy(m.at, "is a condition key that is not understood")
	case (c.key.name == sourceIP) != (c.test == sameNetwork):
		return wrongPolicy(m.at, "does not go with this operator: %s takes IpAddress and NotIpAddress, tags take the others", sourceIP)
	}
	c.values, err = textsOf(m, func(text string) string {
		if c.test != sameNetwork {
			return ""
		}
		n, err := networkOf(text)
		if err != nil {
			return "must be an IP address or a network such as 203.0.113.0/24"
		}
		c.networks = append(c.networks, n)
		return ""
	})
	return err
}

// networkOf reads an address or a network.
func networkOf(text string) (netip.Prefix, error) {
	n, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return n, errors.New("no plain address")
		}
		n = netip.PrefixFrom(a, a.BitLen())
	}
	if n.Addr().Is4In6() {
		return n, errors.New("no plain address")
	}
	return n.Masked(), nil
}
