package hls

// av1 prepares an AV1 track (AV1 Codec ISO Media File Format Binding §2.2 and §2.3).
func (f *videoFormat) av1() error {
	if len(f.config) < 4 || f.config[0] != 0x81 {
		return errNoConfig
	}
	f.entry, f.box = "av01", "av1C"
	return nil
}
