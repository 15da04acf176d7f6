package media

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// RFC6381 gives the track's codec as playlists and APIs write it, such as "avc1.42C01F", "hvc1.1.6.L93.90",
// "av01.0.04M.08", "mp4a.40.2" or "opus"; empty while the track has no decoder configuration.
func (t *Track) RFC6381() string {
	switch {
	case t.Codec == H264 && len(t.SPS) >= 4: // profile, constraint flags, level follow the NAL header
		return fmt.Sprintf("avc1.%02X%02X%02X", t.SPS[1], t.SPS[2], t.SPS[3])
	case t.Codec == HEVC && len(t.Config) >= 13:
		return hevcName(t.Config)
	case t.Codec == AV1 && len(t.Config) >= 4:
		return av1Name(t.Config)
	case t.Codec == AAC && len(t.Config) >= 2:
		object := int(t.Config[0] >> 3)
		if object == 31 { // escape, ISO/IEC 14496-3 §1.6.2.1
			object = 32 + int(t.Config[0]&7)<<3 + int(t.Config[1]>>5)
		}
		return fmt.Sprintf("mp4a.40.%d", object)
	case t.Codec == Opus && len(t.Config) >= 11:
		return "opus" // browsers want it in lower case, though the sample entry is called Opus
	}
	return ""
}

// hevcName follows ISO/IEC 14496-15 annex E.3: profile space and profile, compatibility flags in reverse
// order, tier and level, and the constraint flags up to the last byte that is not zero.
func hevcName(record []byte) string {
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := record[1] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	tier := 'L'
	if record[1]&0x20 != 0 {
		tier = 'H'
	}
	compatible := bits.Reverse32(binary.BigEndian.Uint32(record[2:]))
	fmt.Fprintf(&b, "%d.%X.%c%d", record[1]&0x1F, compatible, tier, record[12])
	constraints := record[6:12]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}

// av1Name follows AV1 Codec ISO Media File Format Binding §5: profile, level and tier, bit depth. The
// optional rest, which says how colours are meant, is left out: nobody decides by it what to play.
func av1Name(record []byte) string {
	tier, depth := 'M', 8
	if record[2]&0x80 != 0 {
		tier = 'H'
	}
	switch {
	case record[2]&0x60 == 0x60:
		depth = 12
	case record[2]&0x40 != 0:
		depth = 10
	}
	return fmt.Sprintf("av01.%d.%02d%c.%02d", record[1]>>5, record[1]&0x1F, tier, depth)
}
