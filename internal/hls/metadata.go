package hls

import (
	"encoding/binary"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	maxMessages   = 32 // that wait for the next part
	maxMessage    = 64 << 10
	messageScheme = "https://aomedia.org/emsg/ID3"
	messageOwner  = "metadata.live-video.net" // of a text that came over the API, as Amazon's player knows it
	messageFixed  = 12 + 4 + 8 + 4 + 4 + len(messageScheme) + 1 + 1
)

// message is timed metadata that stands before a fragment.
type message struct {
	id  uint32
	tag []byte // ID3
}

// PutMetadata puts a text into the next part. It is NotLive outside of a Run, Invalid for a text beyond
// all measure, and Throttled when too many wait already.
func (w *Window) PutMetadata(text string) error {
	if len(text) > maxMessage {
		return fault.InvalidInput("metadata may have %d bytes", maxMessage)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.takes:
		return fault.Offline("there is no stream to put metadata into")
	case len(w.messages) == maxMessages:
		return fault.TooFast(maxMessages, "%d pieces of metadata wait for the next part already", maxMessages)
	}
	w.messages = append(w.messages, message{w.nextMessage, newID3(messageOwner, text)})
	w.nextMessage++
	return nil
}

// Expect begins what viewers take for one stream, however many Runs it has: until Leave, metadata and
// ranges are let in between its Runs, too, and ranges last beyond them.
func (w *Window) Expect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected, w.takes = true, true
}

// Leave ends what Expect began.
func (w *Window) Leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected, w.takes, w.messages, w.sound = false, false, nil, nil
	w.endRanges()
	w.publish()
}

// takeMessages tells whether there is a session for messages to go into. What found no part in one does
// not go into the next.
func (w *Window) takeMessages(takes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.expected {
		return
	}
	if w.takes = takes; !takes {
		w.messages = nil
	}
}

// newID3 makes an ID3v2.4 tag with one frame of user defined text (id3.org, native frames §4.2.6).
func newID3(description, text string) []byte {
	size := 1 + len(description) + 1 + len(text)
	b := make([]byte, 0, 20+size)
	b = append(b, 'I', 'D', '3', 4, 0, 0) // version, flags
	b = appendSyncSafe(b, 10+size)
	b = append(b, "TXXX"...)
	b = appendSyncSafe(b, size)
	b = append(b, 0, 0, 3) // flags; UTF-8
	b = append(b, description...)
	b = append(b, 0)
	return append(b, text...)
}

// appendSyncSafe writes a number of 28 bits that looks like no MPEG frame: seven bits a byte.
func appendSyncSafe(b []byte, n int) []byte {
	return append(b, byte(n>>21&0x7F), byte(n>>14&0x7F), byte(n>>7&0x7F), byte(n&0x7F))
}

// appendMessage writes an event message box (ISO/IEC 23009-1 §5.10.3.3) whose moment is at: version 1,
// which counts on the media timeline. It lasts until another comes.
func appendMessage(b []byte, m message, at ticks) []byte {
	b, box := openFull(b, "emsg", 1, 0)
	b = u32(b, uint32(second))
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = u32(b, 0xFFFFFFFF, m.id) // duration: unknown
	b = append(b, messageScheme...)
	b = append(b, 0, 0) // ends the scheme; an empty value
	b = append(b, m.tag...)
	closeBox(b, box)
	return b
}
