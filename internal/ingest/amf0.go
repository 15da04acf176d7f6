package ingest

import (
	"encoding/binary"
	"errors"
	"math"
)

// AMF0 values as Go values: float64, bool, string, nil (null, undefined and unsupported), amfObject
// (object, typed object and ECMA array) and []any (strict array). Dates become float64 milliseconds.
//
// The format is Adobe's "Action Message Format – AMF 0" (2007).

// Markers of AMF0 values.
const (
	amfNumber      = 0x00
	amfBoolean     = 0x01
	amfString      = 0x02
	amfObjectStart = 0x03
	amfNull        = 0x05
	amfUndefined   = 0x06
	amfECMAArray   = 0x08
	amfObjectEnd   = 0x09
	amfStrictArray = 0x0A
	amfDate        = 0x0B
	amfLongString  = 0x0C
	amfUnsupported = 0x0D
	amfXML         = 0x0F
	amfTypedObject = 0x10
)

const (
	amfMaxDepth  = 8    // real commands nest two deep
	amfMaxValues = 1024 // in one message; real metadata has some thirty
)

// amfMember is one named value of an object. Members keep their order.
type amfMember struct {
	Name  string
	Value any
}

// amfObject is an AMF0 object; names may repeat, the first one counts.
type amfObject []amfMember

// text gives the string member called name, or "".
func (o amfObject) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

// number gives the number member called name, or zero; NaN and infinities count as zero.
func (o amfObject) number(name string) float64 {
	n, _ := o.get(name).(float64)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

func (o amfObject) get(name string) any {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// Errors of the decoder say what was wrong, never what was sent: a message may hold a stream key.
var (
	errAMFShort  = errors.New("AMF value is cut short")
	errAMFDeep   = errors.New("AMF values nest too deep")
	errAMFMany   = errors.New("AMF message holds too many values")
	errAMFMarker = errors.New("AMF value of an unknown type")
)

// amfReader decodes the values of one message.
type amfReader struct {
	buf    []byte
	values int
}

// decodeAMF decodes all values of one message.
func decodeAMF(b []byte) ([]any, error) {
	r := amfReader{buf: b}
	var out []any
	for len(r.buf) > 0 {
		v, err := r.value(0)
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *amfReader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.buf) {
		return nil, errAMFShort
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b, nil
}

func (r *amfReader) number() (float64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// text reads a string whose length is written in size bytes, 2 or 4.
func (r *amfReader) text(size int) (string, error) {
	b, err := r.take(size)
	if err != nil {
		return "", err
	}
	n := int(b[0])<<8 | int(b[1])
	if size == 4 {
		n = n<<16 | int(b[2])<<8 | int(b[3])
	}
	b, err = r.take(n)
	return string(b), err
}

func (r *amfReader) value(depth int) (any, error) {
	if r.values++; r.values > amfMaxValues {
		return nil, errAMFMany
	}
	if depth > amfMaxDepth {
		return nil, errAMFDeep
	}
	m, err := r.take(1)
	if err != nil {
		return nil, err
	}
	switch m[0] {
	case amfNumber:
		return r.number()
	case amfBoolean:
		b, err := r.take(1)
		if err != nil {
			return nil, err
		}
		return b[0] != 0, nil
	case amfString:
		return r.text(2)
	case amfLongString, amfXML:
		return r.text(4)
	case amfNull, amfUndefined, amfUnsupported:
		return nil, nil
	case amfDate:
		n, err := r.number()
		if err != nil {
			return nil, err
		}
		_, err = r.take(2) // a time zone, which the format says to ignore
		return n, err
	case amfTypedObject:
		if _, err := r.text(2); err != nil {
			return nil, err
		}
		return r.object(depth)
	case amfObjectStart:
		return r.object(depth)
	case amfECMAArray:
		// The count is a hint that encoders get wrong; the end marker decides.
		if _, err := r.take(4); err != nil {
			return nil, err
		}
		return r.object(depth)
	case amfStrictArray:
		return r.array(depth)
	}
	return nil, errAMFMarker
}

func (r *amfReader) object(depth int) (amfObject, error) {
	o := amfObject{}
	for {
		// Some encoders leave the end marker of the last object out.
		if len(r.buf) == 0 {
			return o, nil
		}
		name, err := r.text(2)
		if err != nil {
			return nil, err
		}
		if name == "" && len(r.buf) > 0 && r.buf[0] == amfObjectEnd {
			r.buf = r.buf[1:]
			return o, nil
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o = append(o, amfMember{name, v})
	}
}

func (r *amfReader) array(depth int) ([]any, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for n := binary.BigEndian.Uint32(b); n > 0; n-- { // bounded by what value takes, not by n
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// appendAMF encodes values after b. It takes the types that decodeAMF gives; another type is a bug of
// the caller and panics.
func appendAMF(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, amfNull)
		case float64:
			b = append(b, amfNumber)
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		case bool:
			b = append(b, amfBoolean, 0)
			if v {
				b[len(b)-1] = 1
			}
		case string:
			if len(v) > math.MaxUint16 {
				b = append(b, amfLongString)
				b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			} else {
				b = append(b, amfString)
				b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
			}
			b = append(b, v...)
		case amfObject:
			b = append(b, amfObjectStart)
			for _, m := range v {
				b = binary.BigEndian.AppendUint16(b, uint16(len(m.Name)))
				b = append(b, m.Name...)
				b = appendAMF(b, m.Value)
			}
			b = append(b, 0, 0, amfObjectEnd)
		case []any:
			b = append(b, amfStrictArray)
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = appendAMF(b, v...)
		default:
			panic("ingest: value of a type that AMF0 does not have")
		}
	}
	return b
}
