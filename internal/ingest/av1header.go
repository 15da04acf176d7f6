package ingest

// av1Header is what a sequence header (AV1 Bitstream & Decoding Process Specification §5.5) says that is of
// use to us.
type av1Header struct {
	profile, level byte // seq_profile, seq_level_idx of the first operating point
	tier           bool // high
	still          bool // reduced_still_picture_header
	width, height  int  // the largest of a frame
	rate           float64
	depth          int // bits of a sample
	mono           bool
	subX, subY     bool // how chroma is subsampled
	position       byte // of chroma samples
}

// parseAV1Header reads the body of a sequence header. All fields up to the colours are read, since there is
// no other way to get there.
func parseAV1Header(b []byte) (av1Header, error) {
	var h av1Header
	r := bitReader{buf: b}
	h.profile = byte(r.u(3))
	r.skip(1) // still_picture
	if h.still = r.flag(); h.still {
		h.level = byte(r.u(5))
	} else {
		h.operatingPoints(&r)
	}
	widthBits, heightBits := int(r.u(4))+1, int(r.u(4))+1
	h.width, h.height = int(r.u(widthBits))+1, int(r.u(heightBits))+1
	if !h.still && r.flag() { // frame_id_numbers_present_flag
		r.skip(7)
	}
	r.skip(3) // superblocks, filter and edges of intra prediction
	if !h.still {
		h.tools(&r)
	}
	r.skip(3) // super resolution, two filters
	h.colours(&r)
	if r.err != nil || h.profile > 2 {
		return av1Header{}, badAV1("the sequence header cannot be read")
	}
	return h, nil
}

func (h *av1Header) operatingPoints(r *bitReader) {
	delayBits, model := 0, false
	if r.flag() { // timing_info_present_flag
		units, scale := r.u(32), r.u(32)
		if r.flag() { // equal_picture_interval
			h.rate = float64(scale) / (float64(units) * (float64(r.ue()) + 1))
		}
		if model = r.flag(); model {
			delayBits = int(r.u(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	delay := r.flag() // initial_display_delay_present_flag
	points := int(r.u(5)) + 1
	for i := range points {
		r.skip(12) // operating_point_idc
		level, tier := byte(r.u(5)), false
		if level > 7 {
			tier = r.flag()
		}
		if i == 0 {
			h.level, h.tier = level, tier
		}
		if model && r.flag() {
			r.skip(2*delayBits + 1)
		}
		if delay && r.flag() {
			r.skip(4)
		}
	}
}

// tools skips the flags of coding tools.
func (h *av1Header) tools(r *bitReader) {
	r.skip(4)
	order := r.flag() // enable_order_hint
	if order {
		r.skip(2)
	}
	// seq_choose_screen_content_tools; where frames do not choose, the next bit does for all.
	chosen := r.flag()
	if tools := chosen || r.flag(); tools && !r.flag() { // seq_choose_integer_mv
		r.skip(1)
	}
	if order {
		r.skip(3)
	}
}

func (h *av1Header) colours(r *bitReader) {
	h.depth = 8
	if r.flag() {
		h.depth = 10
		if h.profile == 2 && r.flag() {
			h.depth = 12
		}
	}
	h.mono = h.profile != 1 && r.flag()
	const srgb = 1<<16 | 13<<8 // BT.709 primaries, sRGB transfer, identity matrix
	if r.flag() && r.u(24) == srgb && !h.mono {
		return // 4:4:4 of full range
	}
	r.skip(1) // color_range
	switch {
	case h.mono:
		h.subX, h.subY = true, true
		return
	case h.profile == 0:
		h.subX, h.subY = true, true
	case h.profile == 2 && h.depth == 12:
		h.subX = r.flag()
		h.subY = h.subX && r.flag()
	case h.profile == 2:
		h.subX = true
	}
	if h.subX && h.subY {
		h.position = byte(r.u(2))
	}
}
