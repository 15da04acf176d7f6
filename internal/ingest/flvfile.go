package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// Kinds of FLV tags.
const (
	FLVAudio  = 8
	FLVVideo  = 9
	FLVScript = 18
)

// FLVTag is one tag of an FLV file. Data is also what an RTMP message of the same kind carries.
type FLVTag struct {
	Kind      byte
	Timestamp uint32 // milliseconds
	Data      []byte
}

// Config says whether the tag holds decoder configurations and no samples.
func (t FLVTag) Config() bool {
	var packets []byte
	note := func(tag flvTag) error { packets = append(packets, tag.packet); return nil }
	var err error
	switch t.Kind {
	case FLVVideo:
		err = eachVideo(t.Data, note)
	case FLVAudio:
		err = eachAudio(t.Data, note)
	}
	samples := func(packet byte) bool { return packet != packetConfig }
	return err == nil && len(packets) > 0 && !slices.ContainsFunc(packets, samples)
}

var errNotFLV = errors.New("ingest: not an FLV file")

// FLVReader reads the tags of an FLV file in their order.
type FLVReader struct{ r *bufio.Reader }

// NewFLVReader reads the header of a file.
func NewFLVReader(r io.Reader) (*FLVReader, error) {
	br := bufio.NewReader(r)
	var head [9]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, errNotFLV
	}
	if string(head[:3]) != "FLV" || head[3] != 1 || head[5] != 0 || head[6] != 0 || head[7] != 0 || head[8] < 9 {
		return nil, errNotFLV
	}
	if _, err := br.Discard(int(head[8]) - 9 + 4); err != nil {
		return nil, cut(err)
	}
	return &FLVReader{br}, nil
}

// Next gives the next tag, io.EOF after the last one, io.ErrUnexpectedEOF for a file that ends within one.
func (f *FLVReader) Next() (FLVTag, error) {
	var head [11]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return FLVTag{}, err
	}
	if head[0]&0x20 != 0 {
		return FLVTag{}, errors.New("ingest: encrypted FLV is not supported")
	}
	var data bytes.Buffer // grows as the bytes come, whatever the header announces
	if _, err := io.CopyN(&data, f.r, int64(uint24(head[1:]))); err != nil {
		return FLVTag{}, cut(err)
	}
	if n, err := f.r.Discard(4); err != nil && n > 0 {
		return FLVTag{}, cut(err)
	}
	return FLVTag{
		Kind:      head[0] & 0x1F,
		Timestamp: uint24(head[4:]) | uint32(head[7])<<24,
		Data:      data.Bytes(),
	}, nil
}
