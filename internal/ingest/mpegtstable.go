package ingest

import "bytes"

const maxSection = 1024 // of tables of programs, header and checksum included (§2.4.4.5, §2.4.4.9)

// Stream types: ISO/IEC 13818-1 table 2-34.
const (
	tsAAC     = 0x0F // in ADTS
	tsPrivate = 0x06 // a registration descriptor says more
	tsH264    = 0x1B
	tsHEVC    = 0x24
)

// What else encoders send, to be named in refusals.
var (
	tsVideoTypes = map[byte]string{
		0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 part 2", 0x21: "JPEG 2000", 0x33: "VVC", 0x42: "AVS",
		0xD1: "Dirac", 0xEA: "VC-1",
	}
	tsAudioTypes = map[byte]string{
		0x03: "MPEG-1 audio", 0x04: "MPEG-2 audio", 0x11: "AAC in LATM", 0x1C: "AAC without ADTS", 0x81: "AC-3", 0x82: "DTS",
		0x83: "TrueHD", 0x87: "E-AC-3",
	}
	tsVideoFormats = map[string]string{"AV01": "AV1", "VC-1": "VC-1", "drac": "Dirac"}
	tsAudioFormats = map[string]string{"AC-3": "AC-3", "EAC3": "E-AC-3", "DTS1": "DTS", "DTS2": "DTS", "DTS3": "DTS", "BSSD": "PCM"}
)

// tsSection puts the sections of a table together, one after the other, and passes on those that are new.
type tsSection struct {
	counter tsCounter
	buf     []byte // of a section that has begun; empty while none has
	newest  []byte // the latest section that was passed on
}

func (s *tsSection) lost() {
	s.buf = s.buf[:0]
	s.counter.begun = false
}

func (s *tsSection) take(p tsPayload, use func(section []byte) error) error {
	repeated, gap := s.counter.next(p)
	if repeated {
		return nil
	}
	if gap || p.damaged {
		s.buf = s.buf[:0]
	}
	if p.damaged {
		return nil
	}
	b := p.data
	if p.start {
		n := int(b[0])
		if b = b[1:]; n > len(b) {
			s.buf = s.buf[:0]
			return nil
		}
		if len(s.buf) > 0 {
			s.buf = append(s.buf, b[:n]...)
			if err := s.whole(use); err != nil {
				return err
			}
		}
		s.buf = append(s.buf[:0], b[n:]...)
		return s.whole(use)
	}
	if len(s.buf) == 0 {
		return nil
	}
	s.buf = append(s.buf, b...)
	return s.whole(use)
}

// whole passes the section on if it is there to its end, intact, in force and new. Several sections of one
// table in a packet are not looked for: the tables of a program that encoders send have one.
func (s *tsSection) whole(use func(section []byte) error) error {
	if len(s.buf) < 3 {
		return nil
	}
	n := 3 + int(s.buf[1]&0x0F)<<8 + int(s.buf[2])
	if n > maxSection || n < 12 {
		s.buf = s.buf[:0]
		return nil
	}
	if len(s.buf) < n {
		return nil
	}
	b := s.buf[:n]
	s.buf = s.buf[:0]
	if bytes.Equal(b, s.newest) || b[5]&1 == 0 || mpegCRC(b) != 0 {
		return nil
	}
	s.newest = append(s.newest[:0], b...)
	return use(s.newest)
}

// onPAT takes the program association section (§2.4.4.4): the first program is ours.
func (r *tsReader) onPAT(b []byte) error {
	if b[0] != 0 {
		return nil
	}
	for e := b[8 : len(b)-4]; len(e) >= 4; e = e[4:] {
		program, pid := uint16(e[0])<<8|uint16(e[1]), (uint16(e[2])<<8|uint16(e[3]))&0x1FFF
		if program == 0 {
			continue // the network's own table
		}
		if pid != r.pid || program != r.program {
			r.program, r.pid, r.pmt = program, pid, tsSection{}
		}
		return nil
	}
	return nil
}

// tsFound is an elementary stream in a program map.
type tsFound struct {
	pid      uint16
	kind     byte
	format   string // of the registration descriptor; empty if there is none
	channels byte   // of Opus
}

// onPMT takes the program map section (§2.4.4.8). Of each kind the first stream that is supported is
// taken in; if there are only others, the encoder is told. Streams that stay where they were go on.
func (r *tsReader) onPMT(b []byte) error {
	if b[0] != 2 || uint16(b[3])<<8|uint16(b[4]) != r.program || len(b) < 16 {
		return nil
	}
	var video, audio *tsFound
	var noVideo, noAudio string
	info := int(b[10]&0x0F)<<8 | int(b[11])
	for e := skip(b[12:len(b)-4], info); len(e) >= 5; {
		n := int(e[3]&0x0F)<<8 | int(e[4])
		f := tsFound{kind: e[0], pid: (uint16(e[1])<<8 | uint16(e[2])) & 0x1FFF}
		f.describe(e[5:min(5+n, len(e))])
		e = skip(e[5:], n)
		switch {
		case f.kind == tsH264 || f.kind == tsHEVC:
			if video == nil {
				video = &f
			}
		case f.kind == tsAAC || f.kind == tsPrivate && f.format == "Opus":
			if audio == nil {
				audio = &f
			}
		case f.kind == tsPrivate:
			noVideo = either(noVideo, tsVideoFormats[f.format])
			noAudio = either(noAudio, tsAudioFormats[f.format])
		default:
			noVideo = either(noVideo, tsVideoTypes[f.kind])
			noAudio = either(noAudio, tsAudioTypes[f.kind])
		}
	}
	if video == nil && noVideo != "" {
		return unsupported("video", noVideo, "H.264 or HEVC")
	}
	if audio == nil && noAudio != "" {
		return unsupported("audio", noAudio, "AAC")
	}
	return r.take(video, audio)
}

// take makes room for the streams of a new program map.
func (r *tsReader) take(video, audio *tsFound) error {
	if v := r.video; v != nil && (video == nil || v.tsFound != *video) {
		if err := v.finish(r); err != nil {
			return err
		}
		r.video = nil
	}
	if video != nil && r.video == nil {
		r.video = newTSVideo(*video)
	}
	if audio == nil {
		r.audio = nil
	} else if r.audio == nil || r.audio.tsFound != *audio {
		next, err := newTSAudio(*audio)
		if err != nil {
			return err
		}
		r.audio = next
	}
	return nil
}

// describe reads the descriptors of a stream (§2.6) as far as they name a format.
func (f *tsFound) describe(b []byte) {
	for len(b) >= 2 {
		tag, body := b[0], b[2:min(2+int(b[1]), len(b))]
		switch {
		case tag == 0x05 && len(body) >= 4: // registration
			f.format = string(body[:4])
		case tag == 0x6A && f.format == "": // DVB's own for AC-3 (ETSI EN 300 468 annex D)
			f.format = "AC-3"
		case tag == 0x7A && f.format == "":
			f.format = "EAC3"
		case tag == 0x7F && len(body) >= 2 && body[0] == 0x80: // Opus in DVB's extension: how many channels
			f.channels = body[1]
		}
		b = b[2+len(body):]
	}
}

func skip(b []byte, n int) []byte { return b[min(n, len(b)):] }

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// mpegTable is for the CRC of annex A: the polynomial is the usual one, but bits are not reflected.
var mpegTable = func() (t [256]uint32) {
	for i := range t {
		crc := uint32(i) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()

// mpegCRC gives the checksum of b; 0 for a section with its own checksum at the end.
func mpegCRC(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc = crc<<8 ^ mpegTable[byte(crc>>24)^c]
	}
	return crc
}
