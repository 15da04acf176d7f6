package ivs

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The rules here are written from the service's reference, not from spec/: they judge the generator.
func TestRequestsThatBreakARuleAreRefused(t *testing.T) {
	now := time.Now()
	w := newWorld(t, now)
	w.furnish(t)
	name129 := strings.Repeat("a", 129)
	tags := func(key, value string) string {
		b, _ := json.Marshal(map[string]any{"tags": map[string]string{key: value}})
		return string(b)
	}
	var tags51 strings.Builder
	for i := range 51 {
		tags51.WriteString(`,"k` + strconv.Itoa(i) + `":"v"`)
	}
	for _, c := range []struct {
		name, path, body string
		says             string // what the message must name
	}{
		{"name of 129 characters", "CreateChannel", `{"name":"` + name129 + `"}`, "name"},
		{"name with a blank", "CreateChannel", `{"name":"a b"}`, "name"},
		{"name with a final line break", "CreateChannel", `{"name":"a\n"}`, "name"},
		{"unknown channel type", "CreateChannel", `{"type":"GOLD"}`, "type"},
		{"channel type in lower case", "CreateChannel", `{"type":"basic"}`, "type"},
		{"unknown latency mode", "CreateChannel", `{"latencyMode":"ULTRA"}`, "latencyMode"},
		{"unknown preset", "CreateChannel", `{"type":"ADVANCED_HD","preset":"x"}`, "preset"},
		{"preset for BASIC", "CreateChannel", `{"type":"BASIC","preset":"HIGHER_BANDWIDTH_DELIVERY"}`, "preset"},
		{"preset for STANDARD, by default", "CreateChannel", `{"preset":"CONSTRAINED_BANDWIDTH_DELIVERY"}`, "preset"},
		{"unknown container format", "CreateChannel", `{"containerFormat":"MKV"}`, "containerFormat"},
		{"recording configuration that is no ARN", "CreateChannel", `{"recordingConfigurationArn":"x"}`, "recordingConfigurationArn"},
		{"recording configuration of another kind", "CreateChannel", `{"recordingConfigurationArn":"` + channelARN + `"}`, "recordingConfigurationArn"},
		{"multitrack without policy", "CreateChannel", `{"containerFormat":"FRAGMENTED_MP4","multitrackInputConfiguration":{"enabled":true,"maximumResolution":"HD"}}`, "multitrack"},
		{"multitrack without resolution", "CreateChannel", `{"containerFormat":"FRAGMENTED_MP4","multitrackInputConfiguration":{"enabled":true,"policy":"ALLOW"}}`, "multitrack"},
		{"multitrack in TS", "CreateChannel", `{"multitrackInputConfiguration":{"enabled":true,"policy":"ALLOW","maximumResolution":"HD"}}`, "containerFormat"},
		{"multitrack on BASIC", "CreateChannel", `{"type":"BASIC","containerFormat":"FRAGMENTED_MP4","multitrackInputConfiguration":{"enabled":true,"policy":"ALLOW","maximumResolution":"HD"}}`, "multitrack"},
		{"multitrack with an unknown policy", "CreateChannel", `{"multitrackInputConfiguration":{"policy":"MAYBE"}}`, "multitrackInputConfiguration.policy"},
		{"ads in fragmented MP4", "CreateChannel", `{"containerFormat":"FRAGMENTED_MP4","adConfigurationArn":"arn:aws:ivs:us-east-1:000000000000:ad-configuration/a"}`, "adConfigurationArn"},
		{"51 tags", "CreateChannel", `{"tags":{` + tags51.String()[1:] + `}}`, "tags"},
		{"empty tag key", "CreateChannel", tags("", "v"), "tags"},
		{"tag key of 129 characters", "CreateChannel", tags(name129, "v"), "tags"},
		{"tag value of 257 characters", "CreateChannel", tags("k", strings.Repeat("ä", 257)), "tags"},
		{"tag value with a star", "CreateChannel", tags("k", "*"), "tags"},
		{"reserved tag key", "CreateChannel", tags("aws:x", "v"), "tags"},
		{"no ARN", "GetChannel", `{}`, "arn"},
		{"null for an ARN", "GetChannel", `{"arn":null}`, "arn"},
		{"empty ARN", "GetChannel", `{"arn":""}`, "arn"},
		{"member in another case", "GetChannel", `{"ARN":"` + channelARN + `"}`, "arn"},
		{"ARN of another kind", "GetChannel", `{"arn":"` + keyARN + `"}`, "arn"},
		{"ARN of another region", "GetChannel", `{"arn":"arn:aws:ivs:eu-west-1:000000000000:channel/AbCdEf123456"}`, "us-east-1"},
		{"ARN of another service", "GetChannel", `{"arn":"arn:aws:ivschat:us-east-1:000000000000:channel/AbCdEf123456"}`, "arn"},
		{"ARN of 129 characters", "GetChannel", `{"arn":"` + channelARN + strings.Repeat("a", 129-len(channelARN)) + `"}`, "arn"},
		{"ARN with something before it", "GetChannel", `{"arn":"x` + channelARN + `"}`, "arn"},
		{"no ARN in a batch", "BatchGetChannel", `{"arns":[]}`, "arns"},
		{"51 ARNs in a batch", "BatchGetChannel", `{"arns":["` + channelARN + strings.Repeat(`","`+channelARN, 50) + `"]}`, "arns"},
		{"bad ARN inside a batch", "BatchGetChannel", `{"arns":["` + channelARN + `","x"]}`, "arns[1]"},
		{"no results", "ListChannels", `{"maxResults":0}`, "maxResults"},
		{"101 results", "ListChannels", `{"maxResults":101}`, "maxResults"},
		{"51 stream keys", "ListStreamKeys", `{"channelArn":"` + channelARN + `","maxResults":51}`, "maxResults"},
		{"token with a blank", "ListChannels", `{"nextToken":"a b"}`, "nextToken"},
		{"token of 1025 characters", "ListChannels", `{"nextToken":"` + strings.Repeat("a", 1025) + `"}`, "nextToken"},
		{"unknown health", "ListStreams", `{"filterBy":{"health":"FINE"}}`, "filterBy.health"},
		{"bad stream id", "GetStreamSession", `{"channelArn":"` + channelARN + `","streamId":"1234"}`, "streamId"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.post(t, now, "/"+c.path, c.body)
			if got.Code != 400 || got.Header().Get("x-amzn-ErrorType") != "ValidationException" || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("got %d %s %s, want a ValidationException about %s", got.Code, got.Header().Get("x-amzn-ErrorType"), got.Body, c.says)
			}
		})
	}
}

func TestRequestsAtTheEdgeOfARuleAreTaken(t *testing.T) {
	now := time.Now()
	w := newWorld(t, now)
	w.furnish(t)
	for _, c := range []struct{ name, path, body string }{
		{"empty body", "CreateChannel", ``},
		{"blank body", "CreateChannel", "  \n"},
		{"members nobody knows", "CreateChannel", `{"colour":{"deep":["blue",1]},"name":"x"}`},
		{"null for optional members", "CreateChannel", `{"name":null,"tags":null,"multitrackInputConfiguration":null}`},
		{"name of 128 characters", "CreateChannel", `{"name":"` + strings.Repeat("-", 128) + `"}`},
		{"empty name", "CreateChannel", `{"name":""}`},
		{"empty tags", "CreateChannel", `{"tags":{}}`},
		{"tag value of 256 code points", "CreateChannel", `{"tags":{"k":"` + strings.Repeat("ä", 256) + `"}}`},
		{"preset for ADVANCED_HD", "CreateChannel", `{"type":"ADVANCED_HD","preset":"CONSTRAINED_BANDWIDTH_DELIVERY"}`},
		{"multitrack in full", "CreateChannel", `{"containerFormat":"FRAGMENTED_MP4","multitrackInputConfiguration":{"enabled":true,"policy":"REQUIRE","maximumResolution":"HD"}}`},
		{"detached configurations", "UpdateChannel", `{"arn":"` + channelARN + `","recordingConfigurationArn":"","playbackRestrictionPolicyArn":"","adConfigurationArn":""}`},
		{"empty filters", "ListChannels", `{"filterByName":"","filterByRecordingConfigurationArn":""}`},
		{"100 results", "ListChannels", `{"maxResults":100}`},
		{"50 ARNs in a batch", "BatchGetChannel", `{"arns":["` + channelARN + strings.Repeat(`","`+channelARN, 49) + `"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := w.post(t, now, "/"+c.path, c.body); got.Code != 200 {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	}
}

func TestValuesOfTheWrongTypeAreASerializationException(t *testing.T) {
	now := time.Now()
	w := newWorld(t, now)
	for _, c := range []struct{ name, path, body, says string }{
		{"number for a string", "CreateChannel", `{"name":5}`, "name must be a string, not a number"},
		{"string for a boolean", "CreateChannel", `{"authorized":"true"}`, "authorized must be a boolean, not a string"},
		{"string for a number", "ListChannels", `{"maxResults":"5"}`, "maxResults must be a number, not a string"},
		{"fraction for a whole number", "ListChannels", `{"maxResults":1.5}`, "maxResults must be a whole number"},
		{"number of 33 bits", "ListChannels", `{"maxResults":4294967296}`, "maxResults does not fit 32 bits"},
		{"string for a list", "BatchGetChannel", `{"arns":"x"}`, "arns must be a list, not a string"},
		{"null in a list", "BatchGetChannel", `{"arns":[null]}`, "arns[0] must be a string, not null"},
		{"list for an object", "CreateChannel", `{"tags":[]}`, "tags must be an object, not a list"},
		{"number in a map", "CreateChannel", `{"tags":{"a":1}}`, "a value of tags must be a string, not a number"},
		{"number deep inside", "ListStreams", `{"filterBy":{"health":1}}`, "filterBy.health must be a string"},
		{"list for a body", "ListStreams", `[]`, "must be a JSON object"},
		{"null for a body", "ListStreams", `null`, "must be a JSON object"},
		{"half a body", "ListStreams", `{"filterBy":`, "not valid JSON"},
		{"two bodies", "ListStreams", `{}{}`, "not valid JSON"},
		{"no UTF-8", "CreateChannel", "{\"name\":\"\xff\"}", "not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.post(t, now, "/"+c.path, c.body)
			if got.Code != 400 || got.Header().Get("x-amzn-ErrorType") != "SerializationException" || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("got %d %s %s, want %q", got.Code, got.Header().Get("x-amzn-ErrorType"), got.Body, c.says)
			}
		})
	}
}
