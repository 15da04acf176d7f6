package chatlog

import (
	"bytes"
	"errors"
	"hash/crc32"
	"strconv"
	"time"
)

// A line of a journal is a checksum, CRC-32C in eight hexadecimal digits, a space, and the record as it is
// delivered. A record is one JSON object (IVS Chat user guide, "Chat Logging"):
//
//	{"event_timestamp":"…","type":"MESSAGE","version":"1.0","payload":{…}}
//
// The time has nine decimals like SendTime, and the payload is the frame that clients receive.
const (
	checkLen   = 9
	timeForm   = "2006-01-02T15:04:05.000000000Z"
	beforeTime = `{"event_timestamp":"`
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errLine = errors.New("chatlog: a line of the journal is damaged")

// appendLine appends the line of one record.
func appendLine(dst []byte, kind string, received time.Time, frame []byte) []byte {
	start := len(dst)
	dst = append(dst, "00000000 "+beforeTime...)
	dst = received.UTC().AppendFormat(dst, timeForm)
	dst = append(dst, `","type":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","version":"1.0","payload":`...)
	dst = append(dst, frame...)
	dst = append(dst, '}')
	sum := crc32.Checksum(dst[start+checkLen:], castagnoli)
	for i := range 8 {
		dst[start+i] = "0123456789abcdef"[sum>>(28-4*i)&0xf]
	}
	return append(dst, '\n')
}

// record is one record of a batch.
type record struct {
	index    int // among the good lines of the batch
	received time.Time
	json     []byte
}

// parseLine reads what appendLine made, without the end of the line. The record shares the line's memory.
func parseLine(line []byte) (record, error) {
	const timeAt = checkLen + len(beforeTime)
	if len(line) < timeAt+len(timeForm) || line[checkLen-1] != ' ' || !bytes.HasPrefix(line[checkLen:], []byte(beforeTime)) {
		return record{}, errLine
	}
	sum, err := strconv.ParseUint(string(line[:checkLen-1]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line[checkLen:], castagnoli) {
		return record{}, errLine
	}
	received, err := time.Parse(timeForm, string(line[timeAt:timeAt+len(timeForm)]))
	if err != nil {
		return record{}, errLine
	}
	return record{received: received, json: line[checkLen:]}, nil
}

// parseBatch reads the lines of a batch. Lines that are damaged, as the last one is when the machine lost
// its power, are counted and left out.
func parseBatch(text []byte) (records []record, damaged int) {
	for line := range bytes.Lines(text) {
		r, err := parseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil || line[len(line)-1] != '\n' {
			damaged++
			continue
		}
		r.index = len(records)
		records = append(records, r)
	}
	return records, damaged
}

// parseSent reads the note of what was delivered of a batch: lines of two numbers, the first record and
// the one after the last. A line that is cut off or makes no sense counts for nothing: then the records
// are delivered twice. It gives which of n records were delivered.
func parseSent(text []byte, n int) []bool {
	sent := make([]bool, n)
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) != 2 || line[len(line)-1] != '\n' {
			continue
		}
		from, err := strconv.Atoi(string(words[0]))
		to, err2 := strconv.Atoi(string(words[1]))
		if err != nil || err2 != nil || from < 0 || from > to || to > n {
			continue
		}
		for i := from; i < to; i++ {
			sent[i] = true
		}
	}
	return sent
}
