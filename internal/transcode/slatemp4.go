package transcode

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// mp4 is what this package reads of a fragmented MP4 file (ISO/IEC 14496-12) with a single video track.
type mp4 struct {
	config  []byte // the body of avcC, hvcC or av1C
	samples []SlateFrame
}

var errCutShort = errors.New("an MP4 box is cut short")

const visualEntry = 78 // bytes of a VisualSampleEntry before its boxes

// parseMP4 reads a file whose fragments begin with key frames.
func parseMP4(b []byte) (*mp4, error) {
	m := &mp4{}
	err := boxes(b, func(kind string, at int, body []byte) error {
		switch kind {
		case "moov":
			return m.header(body)
		case "moof":
			return m.fragment(body, b[at:])
		}
		return nil
	})
	if err == nil && (m.config == nil || len(m.samples) == 0) {
		err = errors.New("the MP4 file has no decoder configuration, or no samples")
	}
	return m, err
}

// boxes calls f with each box in b: where it begins, and what is behind its header.
func boxes(b []byte, f func(kind string, at int, body []byte) error) error {
	for at := 0; at < len(b); {
		rest := b[at:]
		if len(rest) < 8 {
			return errCutShort
		}
		size := uint64(binary.BigEndian.Uint32(rest))
		head := uint64(8)
		if size == 1 && len(rest) >= 16 {
			size, head = binary.BigEndian.Uint64(rest[8:]), 16
		}
		if size < head || size > uint64(len(rest)) {
			return errCutShort
		}
		if err := f(string(rest[4:8]), at, rest[head:size]); err != nil {
			return err
		}
		at += int(size)
	}
	return nil
}

// header looks for the decoder configuration within a moov box.
func (m *mp4) header(b []byte) error {
	return boxes(b, func(kind string, _ int, body []byte) error {
		switch kind {
		case "trak", "mdia", "minf", "stbl":
			return m.header(body)
		case "stsd":
			if len(body) < 8 {
				return errCutShort
			}
			return boxes(body[8:], func(_ string, _ int, entry []byte) error {
				if len(entry) < visualEntry {
					return errCutShort
				}
				return m.header(entry[visualEntry:])
			})
		case "avcC", "hvcC", "av1C":
			m.config = body
		}
		return nil
	})
}

// fragment reads the samples of a moof box; from begins with it.
func (m *mp4) fragment(b, from []byte) error {
	return boxes(b, func(kind string, _ int, body []byte) error {
		if kind != "traf" {
			return nil
		}
		size := uint32(0)
		return boxes(body, func(kind string, _ int, body []byte) (err error) {
			switch kind {
			case "tfhd":
				size, err = defaultSize(body)
			case "trun":
				err = m.run(body, from, size)
			}
			return err
		})
	})
}

// defaultSize reads the size of a sample off a tfhd box (§8.8.7); 0 if it says none.
func defaultSize(b []byte) (uint32, error) {
	if len(b) < 8 {
		return 0, errCutShort
	}
	flags, at := binary.BigEndian.Uint32(b), 8
	for _, field := range []struct {
		flag uint32
		size int
	}{{1, 8}, {2, 4}, {8, 4}} {
		if flags&field.flag != 0 {
			at += field.size
		}
	}
	switch {
	case flags&0x10 == 0:
		return 0, nil
	case len(b) < at+4:
		return 0, errCutShort
	}
	return binary.BigEndian.Uint32(b[at:]), nil
}

// run reads a trun box (§8.8.8).
func (m *mp4) run(b, from []byte, size uint32) error {
	if len(b) < 12 {
		return errCutShort
	}
	flags, count := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if flags&1 == 0 {
		return errors.New("a trun box does not say where its samples are")
	}
	data, at := uint64(binary.BigEndian.Uint32(b[8:])), 12
	if flags&4 != 0 {
		at += 4
	}
	each, sizeAt := 0, -1
	for _, flag := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&flag == 0 {
			continue
		}
		if flag == 0x200 {
			sizeAt = each
		}
		each += 4
	}
	for i := range count {
		if sizeAt >= 0 {
			if len(b) < at+each {
				return errCutShort
			}
			size = binary.BigEndian.Uint32(b[at+sizeAt:])
		}
		at += each
		if size == 0 || data+uint64(size) > uint64(len(from)) {
			return fmt.Errorf("sample %d: %w", i, errCutShort)
		}
		m.samples = append(m.samples, SlateFrame{Payload: from[data : data+uint64(size)], Key: i == 0})
		data += uint64(size)
	}
	return nil
}
