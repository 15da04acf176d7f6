package ingest

import (
	"encoding/binary"
	"encoding/hex"
)

// Parameter sets of x264: 320x180 and 640x360, 30 frames/s.
var (
	sps180 = unhex("6742c00dd901419f9f0110000003001000000303c0f142a480")
	sps360 = unhex("6742c01ed900a02ff970110000030001000003003c0f162e48")
	pps    = unhex("68cb83cb20")
	pps2   = unhex("68cb83cb20ff")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// nals joins NAL units with lengths of size bytes.
func nals(size int, units ...[]byte) []byte {
	var b []byte
	for _, u := range units {
		n := binary.BigEndian.AppendUint32(nil, uint32(len(u)))
		b = append(append(b, n[4-size:]...), u...)
	}
	return b
}

func avcRecord(size int, sps, pps []byte) []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xFC | byte(size-1), 0xE1}
	b = append(append(b, byte(len(sps)>>8), byte(len(sps))), sps...)
	b = append(append(b, 1, byte(len(pps)>>8), byte(len(pps))), pps...)
	return b
}

var (
	idr    = []byte{0x65, 1, 2, 3}
	slice  = []byte{0x41, 4, 5, 6}
	sei    = []byte{0x06, 5, 1, 0x80}
	aud    = []byte{0x09, 0xF0}
	filler = []byte{0x0C, 0xFF, 0x80}
	aacLC  = []byte{0x11, 0x90} // 48 kHz, stereo
)

func videoConfig(record []byte) []byte { return append([]byte{0x17, 0, 0, 0, 0}, record...) }

func videoFrame(offset int, units ...[]byte) []byte {
	b := append([]byte{0x27, 1}, appendUint24(nil, uint32(offset)&0xFFFFFF)...)
	return append(b, nals(4, units...)...)
}

func audioConfig(asc []byte) []byte { return append([]byte{0xAF, 0}, asc...) }

func audioFrame(b ...byte) []byte { return append([]byte{0xAF, 1}, b...) }
