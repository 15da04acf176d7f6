package review

import (
	"encoding/json"
	"unicode/utf8"
)

const (
	// maxAnswer is what is read of an answer: more than the longest content and attributes can take.
	maxAnswer     = 32 << 10
	maxAttributes = 1 << 10 // bytes of names and values; fewer are allowed
)

// invalidAnswer says what is wrong with an answer, which CloudWatch counts as ResponseValidationErrors.
type invalidAnswer struct{ text string }

func (e *invalidAnswer) Error() string { return "the handler's answer " + e.text }

// parseAnswer reads what a handler said of a message with these attributes. A denial holds whatever else is wrong
// with the answer. Attributes of an allowed message must be under 1 KiB, or no larger than they came: with more than
// that nobody must get past a handler that hands on what it is given.
func parseAnswer(body []byte, maxContent int, came map[string]string) (Verdict, error) {
	if len(body) > maxAnswer {
		return Verdict{}, &invalidAnswer{"is too large"}
	}
	if !utf8.Valid(body) {
		return Verdict{}, &invalidAnswer{"is not UTF-8"}
	}
	var a struct {
		ReviewResult        string
		Content, Attributes json.RawMessage
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Verdict{}, &invalidAnswer{"is not the JSON that is expected"}
	}
	var attributes map[string]string
	attributesErr := json.Unmarshal(orNull(a.Attributes), &attributes)
	switch a.ReviewResult {
	case "DENY":
		v := Verdict{Reason: attributes["Reason"]}
		if attributesErr != nil || size(attributes) >= maxAttributes {
			v.Reason = ""
		}
		return v, nil
	case "ALLOW":
	default:
		return Verdict{}, &invalidAnswer{"has a ReviewResult that is neither ALLOW nor DENY"}
	}
	var content string
	switch err := json.Unmarshal(orNull(a.Content), &content); {
	case err != nil || content == "":
		return Verdict{}, &invalidAnswer{"has no Content"}
	case utf8.RuneCountInString(content) > maxContent:
		return Verdict{}, &invalidAnswer{"has more Content than the room allows"}
	case attributesErr != nil:
		return Verdict{}, &invalidAnswer{"has Attributes that are no strings"}
	case size(attributes) >= maxAttributes && size(attributes) > size(came):
		return Verdict{}, &invalidAnswer{"has too large Attributes"}
	}
	return Verdict{Allowed: true, Content: content, Attributes: attributes}, nil
}

func orNull(m json.RawMessage) []byte {
	if len(m) == 0 {
		return []byte("null")
	}
	return m
}

func size(attributes map[string]string) (n int) {
	for k, v := range attributes {
		n += len(k) + len(v)
	}
	return n
}
