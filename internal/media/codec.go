package media

import "fmt"

// RFC6381 gives the track's codec as playlists and APIs write it, such as "avc1.42C01F", "mp4a.40.2" or "opus";
// empty while the track has no decoder configuration.
func (t *Track) RFC6381() string {
	switch {
	case t.Codec == H264 && len(t.SPS) >= 4: // profile, constraint flags, level follow the NAL header
		return fmt.Sprintf("avc1.%02X%02X%02X", t.SPS[1], t.SPS[2], t.SPS[3])
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
