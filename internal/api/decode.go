package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// decode reads a JSON object into the struct that in points to. It is stricter than encoding/json: names
// are case sensitive and nothing is converted, so a number never becomes a string. An empty body is
// an empty object. Its errors are SerializationExceptions that name the member.
func decode(body []byte, in any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return unreadable("the body is not UTF-8")
	}
	if !json.Valid(body) {
		return unreadable("the body is not valid JSON")
	}
	if body[0] != '{' {
		return unreadable("the body must be a JSON object")
	}
	return decodeValue(body, reflect.ValueOf(in).Elem(), "")
}

func unreadable(format string, args ...any) error {
	return &exception{Name: "SerializationException", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// wrongType tells what was wanted and what came, never the value itself.
func wrongType(at, want string, raw []byte) error {
	if at == "" {
		at = "the body"
	}
	return unreadable("%s must be %s, not %s", at, want, jsonType(raw))
}

func jsonType(raw []byte) string {
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// decodeValue reads raw, which is valid JSON without surrounding space, into v.
func decodeValue(raw []byte, v reflect.Value, at string) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(raw, v.Elem(), at)
	case reflect.Struct:
		return decodeStruct(raw, v, at)
	case reflect.Slice:
		return decodeList(raw, v, at)
	case reflect.Map:
		return decodeMap(raw, v, at)
	case reflect.String:
		s, err := decodeString(raw, at)
		v.SetString(s)
		return err
	case reflect.Bool:
		if raw[0] != 't' && raw[0] != 'f' {
			return wrongType(at, "a boolean", raw)
		}
		v.SetBool(raw[0] == 't')
		return nil
	case reflect.Int, reflect.Int64:
		return decodeInteger(raw, v, at)
	case reflect.Float64:
		f, err := strconv.ParseFloat(string(raw), 64)
		if errors.Is(err, strconv.ErrRange) {
			return unreadable("%s does not fit 64 bits", at)
		} else if err != nil {
			return wrongType(at, "a number", raw)
		}
		v.SetFloat(f)
		return nil
	}
	panic("api: no input shape holds a " + v.Type().String())
}

func decodeString(raw []byte, at string) (string, error) {
	if raw[0] != '"' {
		return "", wrongType(at, "a string", raw)
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", unreadable("%s is not a readable string", at)
	}
	return s, nil
}

// decodeInteger takes 32 bits for the model's integer (int here) and 64 for its long (int64 here).
func decodeInteger(raw []byte, v reflect.Value, at string) error {
	bits := 32
	if v.Kind() == reflect.Int64 {
		bits = 64
	}
	n, err := strconv.ParseInt(string(raw), 10, bits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return unreadable("%s does not fit %d bits", at, bits)
	case err != nil && jsonType(raw) == "a number":
		return unreadable("%s must be a whole number", at)
	case err != nil:
		return wrongType(at, "a number", raw)
	}
	v.SetInt(n)
	return nil
}

func decodeStruct(raw []byte, v reflect.Value, at string) error {
	if raw[0] != '{' {
		return wrongType(at, "an object", raw)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return unreadable("the body is not valid JSON")
	}
	for _, f := range fieldsOf(v.Type()) {
		m, ok := members[f.name]
		if !ok || m[0] == 'n' { // null is absent
			continue
		}
		if err := decodeValue(m, v.Field(f.index), join(at, f.name)); err != nil {
			return err
		}
	}
	return nil
}

func decodeList(raw []byte, v reflect.Value, at string) error {
	if raw[0] != '[' {
		return wrongType(at, "a list", raw)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return unreadable("the body is not valid JSON")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decodeValue(item, v.Index(i), at+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

// decodeMap reads a map of strings, the only kind the services have.
func decodeMap(raw []byte, v reflect.Value, at string) error {
	if raw[0] != '{' {
		return wrongType(at, "an object", raw)
	}
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return unreadable("the body is not valid JSON")
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
	for key, item := range items {
		s, err := decodeString(item, "a value of "+at)
		if err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(s))
	}
	return nil
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// field is a member of a shape that travels in the body.
type field struct {
	name  string
	index int
}

var fields sync.Map // reflect.Type → []field; what it holds never changes

func fieldsOf(t reflect.Type) []field {
	if known, ok := fields.Load(t); ok {
		return known.([]field)
	}
	var list []field
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			list = append(list, field{name, i})
		}
	}
	fields.Store(t, list)
	return list
}
