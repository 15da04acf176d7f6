package transcode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// oggWriter writes one Opus stream as Ogg (RFC 3533, RFC 7845), each packet in a page of its own, so that
// a reader has it at once.
type oggWriter struct {
	page    uint32
	samples uint64 // at 48 kHz, of all packets so far
}

const oggSerial = 1

// appendHead begins the stream: nothing is skipped, and channels are one or two.
func (o *oggWriter) appendHead(b []byte, channels byte) []byte {
	head := []byte{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, channels, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0}
	b = o.appendPage(b, 2, 0, head)
	return o.appendPage(b, 0, 0, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"))
}

// appendPacket adds a packet of so many samples, of at most 65,024 bytes.
func (o *oggWriter) appendPacket(b, packet []byte, samples int64) []byte {
	o.samples += uint64(samples)
	return o.appendPage(b, 0, o.samples, packet)
}

const oggLongest = 255*255 - 1

func (o *oggWriter) appendPage(b []byte, flags byte, granule uint64, packet []byte) []byte {
	at := len(b)
	b = append(b, 'O', 'g', 'g', 'S', 0, flags)
	b = binary.LittleEndian.AppendUint64(b, granule)
	b = binary.LittleEndian.AppendUint32(b, oggSerial)
	b = binary.LittleEndian.AppendUint32(b, o.page)
	b = append(b, 0, 0, 0, 0) // checksum
	b = append(b, byte(len(packet)/255+1))
	for range len(packet) / 255 {
		b = append(b, 255)
	}
	b = append(b, byte(len(packet)%255))
	b = append(b, packet...)
	binary.LittleEndian.PutUint32(b[at+22:], oggSum(b[at:]))
	o.page++
	return b
}

// oggTable is for the checksum of RFC 3533 §6: polynomial 0x04C11DB7, most significant bit first.
var oggTable = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i) << 24
		for range 8 {
			if v&(1<<31) != 0 {
				v = v<<1 ^ 0x04C11DB7
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()

func oggSum(b []byte) (sum uint32) {
	for _, c := range b {
		sum = sum<<8 ^ oggTable[byte(sum>>24)^c]
	}
	return sum
}

var errOgg = errors.New("transcode: what ffmpeg wrote is not Ogg")

// oggReader reads the packets of an Ogg stream that nobody else writes into. Checksums are not looked at: it
// comes by a pipe.
type oggReader struct {
	r     *bufio.Reader
	laces []byte // of the page that is being read
	room  [255]byte
}

// next gives the next packet in memory of its own; io.EOF only between packets.
func (o *oggReader) next() ([]byte, error) {
	var packet []byte
	for begun := false; ; begun = true {
		for len(o.laces) == 0 {
			if err := o.page(); err != nil {
				if begun && err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return nil, err
			}
		}
		n, whole := 0, false
		for len(o.laces) > 0 && !whole {
			n += int(o.laces[0])
			whole = o.laces[0] < 255
			o.laces = o.laces[1:]
		}
		at := len(packet)
		if at+n > oggLongest {
			return nil, errOgg
		}
		packet = append(packet, make([]byte, n)...)
		if _, err := io.ReadFull(o.r, packet[at:]); err != nil {
			return nil, unexpected(err)
		}
		if whole {
			return packet, nil
		}
	}
}

// page reads a page's header.
func (o *oggReader) page() error {
	var h [27]byte
	if _, err := io.ReadFull(o.r, h[:]); err != nil {
		return err
	}
	if string(h[:4]) != "OggS" || h[4] != 0 {
		return errOgg
	}
	o.laces = o.room[:h[26]]
	_, err := io.ReadFull(o.r, o.laces)
	return unexpected(err)
}

// unexpected makes an end that comes too early an error of its own.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
