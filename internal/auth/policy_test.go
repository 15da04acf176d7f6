package auth_test

import (
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	channelA = "arn:aws:ivs:us-east-1:000000000000:channel/AAAAAAAAAAAA"
	channelB = "arn:aws:ivs:us-east-1:000000000000:channel/BBBBBBBBBBBB"
	anyStage = "arn:aws:ivs:us-east-1:000000000000:stage/*"
)

func policy(t testing.TB, text string) *auth.Policy {
	t.Helper()
	p, err := auth.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// one makes a policy of statements.
func one(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestPoliciesDecideAsAWSDoes(t *testing.T) {
	const (
		allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`
		deny     = `{"Effect":"Deny","Action":"ivs:Delete*","Resource":"*"}`
	)
	when := func(condition string) string {
		return one(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}`)
	}
	deleteA := auth.Ask{Action: "ivs:DeleteChannel", Resource: channelA}
	tagged := func(tags ...string) auth.Ask {
		a := auth.Ask{Action: "ivs:GetChannel", Resource: channelA, ResourceTags: map[string]string{}}
		for i := 0; i < len(tags); i += 2 {
			a.ResourceTags[tags[i]] = tags[i+1]
		}
		return a
	}
	from := func(address string) auth.Ask {
		return auth.Ask{Action: "ivs:GetChannel", Resource: channelA, Source: netip.MustParseAddr(address)}
	}
	const no, never, yes = auth.DeniedByDefault, auth.DeniedByStatement, auth.Allowed
	for _, c := range []struct {
		name, policy string
		ask          auth.Ask
		want         auth.Decision
	}{
		{"what nothing speaks of is denied", one(`{"Effect":"Allow","Action":"ivs:GetChannel","Resource":"*"}`), deleteA, no},
		{"what is allowed is allowed", one(allowAll), deleteA, yes},
		{"an explicit deny wins over an allow before it", one(allowAll, deny), deleteA, never},
		{"an explicit deny wins over an allow behind it", one(deny, allowAll), deleteA, never},
		{"a deny alone allows nothing else", one(deny), auth.Ask{Action: "ivs:GetChannel", Resource: channelA}, no},
		{"a deny whose condition does not hold denies nothing", one(allowAll, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`), deleteA, yes},
		{"one statement outside of a list", `{"Statement":` + allowAll + `}`, deleteA, yes},

		{"actions ignore case", one(`{"Effect":"Allow","Action":"IVS:deletechannel","Resource":"*"}`), deleteA, yes},
		{"one of several actions", one(`{"Effect":"Allow","Action":["ivs:GetChannel","ivs:DeleteChannel"],"Resource":"*"}`), deleteA, yes},
		{"* in an action", one(`{"Effect":"Allow","Action":"ivs:*Channel","Resource":"*"}`), deleteA, yes},
		{"? in an action", one(`{"Effect":"Allow","Action":"ivs:DeleteChanne?","Resource":"*"}`), deleteA, yes},
		{"? is not nothing", one(`{"Effect":"Allow","Action":"ivs:DeleteChannel?","Resource":"*"}`), deleteA, no},
		{"another service's action", one(`{"Effect":"Allow","Action":"ivschat:*","Resource":"*"}`), deleteA, no},
		{"a service is no prefix of another", one(`{"Effect":"Allow","Action":"ivs:*","Resource":"*"}`), auth.Ask{Action: "ivschat:CreateRoom", Resource: "*"}, no},
		{"all but what NotAction names", one(`{"Effect":"Allow","NotAction":"ivs:Delete*","Resource":"*"}`), auth.Ask{Action: "ivs:GetChannel", Resource: channelA}, yes},
		{"what NotAction names", one(`{"Effect":"Allow","NotAction":["ivs:GetChannel","ivs:Delete*"],"Resource":"*"}`), deleteA, no},

		{"the resource that is named", one(`{"Effect":"Allow","Action":"*","Resource":"` + channelA + `"}`), deleteA, yes},
		{"another resource", one(`{"Effect":"Allow","Action":"*","Resource":"` + channelB + `"}`), deleteA, no},
		{"resources do not ignore case", one(`{"Effect":"Allow","Action":"*","Resource":"` + strings.ToLower(channelA) + `"}`), deleteA, no},
		{"a resource by pattern", one(`{"Effect":"Allow","Action":"*","Resource":["arn:x","arn:aws:ivs:*:*:channel/A*A"]}`), deleteA, yes},
		{"all of a kind, where none is named", one(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ivs:*:*:stage/*"}`), auth.Ask{Action: "ivs:CreateStage", Resource: anyStage}, yes},
		{"one of a kind is not all of it", one(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ivs:*:*:stage/A*"}`), auth.Ask{Action: "ivs:CreateStage", Resource: anyStage}, no},
		{"all but what NotResource names", one(`{"Effect":"Allow","Action":"*","NotResource":"` + channelB + `"}`), deleteA, yes},
		{"what NotResource names", one(`{"Effect":"Allow","Action":"*","NotResource":["` + channelB + `","arn:*:channel/A*"]}`), deleteA, no},

		{"the tag's value", when(`{"StringEquals":{"aws:ResourceTag/team":"red"}}`), tagged("team", "red"), yes},
		{"another value", when(`{"StringEquals":{"aws:ResourceTag/team":"red"}}`), tagged("team", "Red"), no},
		{"no such tag", when(`{"StringEquals":{"aws:ResourceTag/team":"red"}}`), tagged("other", "red"), no},
		{"an empty value is a value", when(`{"StringEquals":{"aws:ResourceTag/team":""}}`), tagged("team", ""), yes},
		{"one of several values", when(`{"StringEquals":{"aws:ResourceTag/team":["blue","red"]}}`), tagged("team", "red"), yes},
		{"none of several values", when(`{"StringNotEquals":{"aws:ResourceTag/team":["blue","red"]}}`), tagged("team", "red"), no},
		{"not equal to any", when(`{"StringNotEquals":{"aws:ResourceTag/team":["blue","red"]}}`), tagged("team", "green"), yes},
		{"a negated operator holds where there is nothing", when(`{"StringNotEquals":{"aws:ResourceTag/team":"red"}}`), tagged(), yes},
		{"all keys must hold", when(`{"StringEquals":{"aws:ResourceTag/team":"red","aws:ResourceTag/env":"test"}}`), tagged("team", "red"), no},
		{"all keys hold", when(`{"StringEquals":{"aws:ResourceTag/team":"red","aws:ResourceTag/env":"test"}}`), tagged("team", "red", "env", "test"), yes},
		{"all operators must hold", when(`{"StringEquals":{"aws:ResourceTag/team":"red"},"StringLike":{"aws:ResourceTag/env":"t*"}}`), tagged("team", "red", "env", "prod"), no},
		{"all operators hold", when(`{"StringEquals":{"aws:ResourceTag/team":"red"},"StringLike":{"aws:ResourceTag/env":"t*"}}`), tagged("team", "red", "env", "test"), yes},
		{"keys ignore case", when(`{"StringEquals":{"AWS:resourcetag/Team":"red"}}`), tagged("tEAM", "red"), yes},
		{"of tags that differ in case the one asked for", when(`{"StringEquals":{"aws:ResourceTag/team":"red"}}`), tagged("Team", "blue", "team", "red"), yes},
		{"IfExists without the tag", when(`{"StringEqualsIfExists":{"aws:ResourceTag/team":"red"}}`), tagged(), yes},
		{"IfExists with another value", when(`{"StringEqualsIfExists":{"aws:ResourceTag/team":"red"}}`), tagged("team", "blue"), no},
		{"StringLike", when(`{"StringLike":{"aws:ResourceTag/team":"r?d*"}}`), tagged("team", "redish"), yes},
		{"? is one character, not one byte", when(`{"StringLike":{"aws:ResourceTag/team":"r?d"}}`), tagged("team", "r€d"), yes},
		{"StringEquals knows no wildcards", when(`{"StringEquals":{"aws:ResourceTag/team":"r*"}}`), tagged("team", "red"), no},
		{"StringNotLike", when(`{"StringNotLike":{"aws:ResourceTag/team":"r*"}}`), tagged("team", "red"), no},
		{"a request's tags are not the resource's", when(`{"StringEquals":{"aws:RequestTag/team":"red"}}`), tagged("team", "red"), no},
		{"a request's tags", when(`{"StringEquals":{"aws:RequestTag/team":"red"}}`), auth.Ask{Action: "ivs:CreateChannel", Resource: "*", RequestTags: map[string]string{"team": "red"}}, yes},

		{"an address within the network", when(`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}`), from("192.0.2.7"), yes},
		{"an address outside", when(`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), from("192.0.3.7"), no},
		{"a single address", when(`{"IpAddress":{"aws:SourceIp":"192.0.2.7"}}`), from("::ffff:192.0.2.7"), yes},
		{"an IPv6 network", when(`{"IpAddress":{"aws:sourceip":"2001:db8::/32"}}`), from("2001:db8::1"), yes},
		{"outside is asked for", when(`{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), from("192.0.2.7"), no},
		{"no address at all", when(`{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`), deleteA, no},
		{"no address is outside", when(`{"NotIpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`), deleteA, yes},
		{"IfExists without an address", when(`{"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}}`), deleteA, yes},
	} {
		if got := policy(t, c.policy).Decide(c.ask); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAPolicyThatIsNotUnderstoodIsRefusedAndThePlaceIsNamed(t *testing.T) {
	with := func(member string) string {
		return one(`{"Effect":"Allow","Action":"*","Resource":"*",` + member + `}`)
	}
	for text, says := range map[string]string{
		``:                   "must be a JSON object",
		`[]`:                 "must be a JSON object",
		`{"Statement":[`:     "Statement is not valid JSON",
		one() + `x`:          "has something behind its end",
		one():                "must not be an empty list",
		`{}`:                 "Statement is missing",
		`{"Statement":null}`: "Statement[0] must be a JSON object",
		`{"Version":"2020-01-01","Statement":[]}`:                                                    "Version must be 2012-10-17",
		`{"Version":["2012-10-17"]}`:                                                                 "Version must be a string",
		`{"version":"2012-10-17"}`:                                                                   "version is an element",
		`{"Statement":{},"Statement":{}}`:                                                            "Statement is there twice",
		`{"Statement":{}}`:                                                                           "Statement[0] has no Effect",
		one(`{"Effect":"Allow","Action":"*","Resource":"*"}`) + ` {}`:                                "has something behind its end",
		one(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`):                        "Statement[0].Effect is there twice",
		one(`{"Effect":"allow","Action":"*","Resource":"*"}`):                                        "Statement[0].Effect must be Allow or Deny",
		one(`{"Effect":"Allow","Resource":"*"}`):                                                     "one of Action and NotAction",
		one(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`):                        "one of Action and NotAction",
		one(`{"Effect":"Allow","Action":"*"}`):                                                       "one of Resource and NotResource",
		one(`{"Effect":"Allow","Action":[],"Resource":"*"}`):                                         "Statement[0].Action must not be an empty list",
		one(`{"Effect":"Allow","Action":["*",5],"Resource":"*"}`):                                    "Statement[0].Action[1] must be a string",
		one(`{"Effect":"Allow","Action":["*","s3:Get"],"Resource":"*"}`):                             "Statement[0].Action[1] must be * or",
		one(`{"Effect":"Allow","Action":"*:*","Resource":"*"}`):                                      "Action must be",
		one(`{"Effect":"Allow","Action":"*","Resource":"channel/*"}`):                                "Resource must be * or begin with arn:",
		one(`{"Effect":"Allow","Action":"*","Resource":"arn:${aws:userid}"}`):                        "policy variable",
		with(`"Principal":"*"`):                                                                      "Statement[0].Principal is an element",
		with(`"Sid":"a b"`):                                                                          "Statement[0].Sid must be letters",
		with(`"Condition":[]`):                                                                       "Condition must be a JSON object",
		with(`"Condition":{"DateLessThan":{"aws:CurrentTime":"x"}}`):                                 "Statement[0].Condition.DateLessThan is an operator",
		with(`"Condition":{"stringequals":{"aws:ResourceTag/a":"x"}}`):                               "stringequals is an operator",
		with(`"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"x"}}`):                        "is an operator",
		with(`"Condition":{"StringEquals":{}}`):                                                      "must have a condition key",
		with(`"Condition":{"StringEquals":{"aws:TagKeys":"x"}}`):                                     "Condition.StringEquals.aws:TagKeys is a condition key",
		with(`"Condition":{"StringEquals":{"aws:ResourceTag":"x"}}`):                                 "is a condition key",
		with(`"Condition":{"StringEquals":{"aws:ResourceTag/":"x"}}`):                                "is a condition key",
		with(`"Condition":{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}`):                            "does not go with this operator",
		with(`"Condition":{"IpAddress":{"aws:ResourceTag/a":"192.0.2.1"}}`):                          "does not go with this operator",
		with(`"Condition":{"IpAddress":{"aws:SourceIp":["::1","office"]}}`):                          "aws:SourceIp[1] must be an IP address",
		with(`"Condition":{"IpAddress":{"aws:SourceIp":"fe80::1%eth0"}}`):                            "must be an IP address",
		with(`"Condition":{"IpAddress":{"aws:SourceIp":"::ffff:10.0.0.1"}}`):                         "must be an IP address",
		with(`"Condition":{"StringLike":{"aws:ResourceTag/a":true}}`):                                "must be a string",
		with(`"Condition":{"StringLike":{"aws:ResourceTag/a":"x","aws:resourcetag/A":"y"}}`):         "is there twice",
		with(`"Sid":"x"},{"Sid":"x","Effect":"Deny","Action":"*","Resource":"*"`):                    "Statement[1].Sid is that of another",
		with(`"Condition":{"StringLike":{"aws:ResourceTag/a":"` + strings.Repeat("a", 6144) + `"}}`): "at most 6144",
		strings.Repeat(" ", 100_000):                                                                 "longer than 6144",
		"{\"Version\":\"\xff\"}":                                                                     "UTF-8",
	} {
		_, err := auth.ParsePolicy([]byte(text))
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%.200s\n got %v\nwant %s", text, err, says)
		}
	}
}

func TestAPolicyIsPrintedInItsShortestForm(t *testing.T) {
	const loose = ` {"Statement": [ {"Resource": ["*"], "Action": ["ivs:Get*", "ivs:List*"], "Effect": "Deny", "Sid": "Look",
		"Condition": {"NotIpAddress": {"AWS:SourceIP": ["10.0.0.7/8"]}, "StringLikeIfExists": {"aws:ResourceTag/<a>": ["x", "\u0000"], "aws:RequestTag/b": "y"}}} ], "Version": "2012-10-17", "Id": "mine"} `
	const want = `{"Version":"2012-10-17","Id":"mine","Statement":{"Sid":"Look","Effect":"Deny","Action":["ivs:Get*","ivs:List*"],"Resource":"*",` +
		`"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.7/8"},"StringLikeIfExists":{"aws:ResourceTag/<a>":["x","\u0000"],"aws:RequestTag/b":"y"}}}}`
	p := policy(t, loose)
	if p.String() != want {
		t.Errorf("got  %s\nwant %s", p, want)
	}
	if again := policy(t, p.String()); again.String() != want {
		t.Errorf("printed again: %s", again)
	}
	if !p.WantsResourceTags() || policy(t, one(`{"Effect":"Allow","Action":"*","Resource":"*"}`)).WantsResourceTags() {
		t.Error("WantsResourceTags is wrong")
	}
}

func TestARefusalNamesActionAndResourceAsAWSDoes(t *testing.T) {
	const user = "User: arn:aws:streamcat:us-east-1:000000000000:access-key/AKIASTREAMCATEXAMPLE is not authorized to perform: "
	who := root
	allowed, created := auth.Ask{Action: "ivs:GetChannel", Resource: channelA}, auth.Ask{Action: "ivs:CreateStage", Resource: anyStage}
	secret := auth.Ask{Action: "ivs:DeleteChannel", Resource: "sk_us-east-1_secret"}
	if err := who.Authorize(region, allowed, created); err != nil {
		t.Errorf("without a policy: %v", err)
	}
	who.Policy = policy(t, one(`{"Effect":"Allow","Action":"ivs:Get*","Resource":"*"}`, `{"Effect":"Deny","Action":"ivs:Delete*","Resource":"*"}`))
	if err := who.Authorize(region, allowed); err != nil {
		t.Error(err)
	}
	for want, asks := range map[string][]auth.Ask{
		user + "ivs:CreateStage on resource: " + anyStage + " because no identity-based policy allows the ivs:CreateStage action": {allowed, created},
		user + "ivs:DeleteChannel on resource: * with an explicit deny in an identity-based policy":                               {secret},
	} {
		err := who.Authorize(region, asks...)
		if fault.Of(err) != fault.Denied || fault.Message(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestPoliciesInTheManualAreGood(t *testing.T) {
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Errorf("%d policies", len(blocks))
	}
	for _, b := range blocks {
		policy(t, string(b[1]))
	}
}
