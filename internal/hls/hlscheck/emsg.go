package hlscheck

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	amp4 "github.com/abema/go-mp4"
)

// Text is timed metadata: a text in an ID3 tag in an event message box.
type Text struct {
	ID          uint32
	Time        float64 // seconds on the media timeline
	Description string
	Value       string
}

// Texts reads the timed metadata of a part or segment, in order, and gives each rule it breaks. Boxes
// are read by go-mp4.
func Texts(data []byte) (texts []Text, faults []string) {
	wrong := func(format string, args ...any) { faults = append(faults, "emsg: "+fmt.Sprintf(format, args...)) }
	inside := false // between a moof and its mdat
	_, err := amp4.ReadBoxStructure(bytes.NewReader(data), func(h *amp4.ReadHandle) (any, error) {
		switch h.BoxInfo.Type.String() {
		case "moof":
			inside = true
		case "mdat":
			inside = false
		case "emsg":
			if inside {
				wrong("stands between moof and mdat")
			}
			box, _, err := h.ReadPayload()
			if err != nil {
				return nil, err
			}
			e := box.(*amp4.Emsg)
			switch {
			case e.Version != 1:
				wrong("version %d", e.Version)
				return nil, nil
			case e.SchemeIdUri != "https://aomedia.org/emsg/ID3":
				wrong("scheme %q", e.SchemeIdUri)
			case e.Timescale == 0:
				wrong("no timescale")
				return nil, nil
			}
			t := Text{ID: e.Id, Time: float64(e.PresentationTime) / float64(e.Timescale)}
			if t.Description, t.Value, err = readTXXX(e.MessageData); err != nil {
				wrong("%v", err)
			}
			texts = append(texts, t)
		}
		return nil, nil
	})
	if err != nil {
		wrong("%v", err)
	}
	return texts, faults
}

// readTXXX reads an ID3v2.4 tag whose only frame is a user defined text in UTF-8.
func readTXXX(tag []byte) (description, value string, err error) {
	header, body, err := cutID3(tag, "ID3", 6)
	if err != nil {
		return "", "", err
	}
	if header[3] != 4 || header[5] != 0 {
		return "", "", fmt.Errorf("tag of version %d with flags %#x", header[3], header[5])
	}
	header, body, err = cutID3(body, "TXXX", 4)
	if err != nil {
		return "", "", err
	}
	if header[8] != 0 || header[9] != 0 || len(body) == 0 || body[0] != 3 || !utf8.Valid(body) {
		return "", "", errors.New("the frame is no plain UTF-8")
	}
	description, value, ok := strings.Cut(string(body[1:]), "\x00")
	if !ok {
		return "", "", errors.New("the description has no end")
	}
	return description, value, nil
}

// cutID3 splits what has a header of ten bytes with its size at sizeAt, and nothing after it.
func cutID3(b []byte, name string, sizeAt int) (header, body []byte, err error) {
	if len(b) < 10 || !bytes.HasPrefix(b, []byte(name)) {
		return nil, nil, fmt.Errorf("there is no %s", name)
	}
	size := 0
	for _, c := range b[sizeAt : sizeAt+4] {
		if c > 0x7F {
			return nil, nil, fmt.Errorf("the size of %s is not syncsafe", name)
		}
		size = size<<7 | int(c)
	}
	if size != len(b)-10 {
		return nil, nil, fmt.Errorf("%s says it has %d bytes, but has %d", name, size, len(b)-10)
	}
	return b[:10], b[10:], nil
}
