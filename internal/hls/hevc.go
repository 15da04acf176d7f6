package hls

import "bytes"

// hevc prepares an HEVC track: sample entry hvc1, whose samples have no parameter sets (ISO/IEC 14496-15
// §8.4.1.1). Apple's players take no other (HLS Authoring Specification §1.10).
func (f *videoFormat) hevc() error {
	if len(f.config) < 23 || f.config[0] != 1 {
		return errNoConfig
	}
	f.entry, f.box = "hvc1", "hvcC"
	f.config = bytes.Clone(f.config)
	f.config[21] |= 3 // lengths of 4 bytes, as for H.264
	return nil
}
