package rtc

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// offer is what a client's description asks for, as far as it matters here: judged, and with the
// formats already chosen.
type offer struct {
	media []offered // in the order of the client's m-sections, those with port 0 included
	ice   iceRemote
	// setup is the DTLS role the client offers: "actpass", "active" or "passive" (RFC 5763 §5).
	setup        string
	fingerprints []dtlsPrint
	bundle       []string // mids of the group
	mixed        bool     // a=extmap-allow-mixed
}

// iceRemote is the client's half of the ICE credentials.
type iceRemote struct{ ufrag, pwd string }

// dtlsPrint is the hash of the certificate that a client is going to show (RFC 8122).
type dtlsPrint struct {
	hash string // "sha-256", "sha-384" or "sha-512"
	sum  []byte
}

// offered is one m-section.
type offered struct {
	kind     Kind
	rejected bool // port 0 in the offer: it stays so in the answer
	raw      struct{ kind, proto, format string }
	mid      string
	format   format
	rtx      uint8             // payload type that repairs format (RFC 4588); 0: none
	ridRTX   uint8             // the same, if it can be used only with simulcast
	rids     []string          // the encodings of a simulcast that are offered; empty: there is none
	layers   []string          // those of them that are taken
	repairs  map[uint32]uint32 // SSRC of a repair stream → SSRC it repairs, where the offer says so
	feedback []string
	ids      extensionIDs
	rsize    bool
	mux      bool
}

// format is a codec as the client numbers and parametrizes it.
type format struct {
	pt     uint8
	rtpmap string // "H264/90000", in the client's spelling
	fmtp   string
	clock  uint32
	rank   int // less is better
}

// extensionIDs are the header extensions in use (RFC 8285); 0: not offered.
type extensionIDs struct{ transportCC, audioLevel, rid, repairedRID uint8 }

const (
	uriTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

// count gives how many sections of a kind are in use.
func (o *offer) count(k Kind) (n int) {
	for i := range o.media {
		if m := &o.media[i]; m.kind == k && !m.rejected {
			n++
		}
	}
	return n
}

// mids lists the sections that are in use.
func (o *offer) mids() []string {
	var list []string
	for _, m := range o.media {
		if !m.rejected && m.mid != "" {
			list = append(list, m.mid)
		}
	}
	return list
}

// MaxSlots is how many sections of a kind an offer may have that is for several participants.
const MaxSlots = 16

// parseOffer judges a client's offer of at most one section of each kind. A publisher's must be able to send, a
// subscriber's to receive. Its error is a *Refusal: 400 for what is no SDP, 422 for what we do not do. Simulcast is
// taken up only if takeSimulcast is called: else the client sends one encoding.
func parseOffer(text string, publishing bool) (*offer, error) {
	o, err := readOffer(text, publishing)
	if err != nil {
		return nil, err
	}
	for _, k := range []Kind{Audio, Video} {
		if o.count(k) > 1 {
			return nil, unsupported("the offer has more than one %s section", k)
		}
	}
	return o, nil
}

// parseSlots judges the offer of a subscriber who wants to watch several participants at once.
func parseSlots(text string) (*offer, error) {
	o, err := readOffer(text, false)
	if err != nil {
		return nil, err
	}
	for _, k := range []Kind{Audio, Video} {
		if o.count(k) > MaxSlots {
			return nil, unsupported("the offer has more than %d %s sections", MaxSlots, k)
		}
	}
	if len(o.mids()) < o.count(Audio)+o.count(Video) {
		return nil, unsupported("a media section of the offer has no mid")
	}
	return o, nil
}

// readOffer reads an offer of any number of sections.
func readOffer(text string, publishing bool) (*offer, error) {
	d, err := parseDescription(text, false)
	if err != nil {
		return nil, err
	}
	if len(d.sections) == 0 {
		return nil, unsupported("the offer has no media section")
	}
	if d.session.has("ice-lite") {
		return nil, unsupported("an ice-lite client cannot reach this server, which is ice-lite itself")
	}
	o := &offer{mixed: d.session.has("extmap-allow-mixed")}
	for _, a := range d.session.attributes {
		if v, ok := strings.CutPrefix(a.value, "BUNDLE"); a.key == "group" && ok && o.bundle == nil {
			o.bundle = strings.Fields(v) // other groups, such as LS, change nothing
		}
	}
	var first *section // whose transport all share: the first one in use
	for i := range d.sections {
		s := &d.sections[i]
		m, err := o.readSection(s, publishing)
		if err != nil {
			return nil, err
		}
		if !m.rejected && first == nil {
			first = s
		}
		o.media = append(o.media, m)
	}
	if first == nil {
		return nil, unsupported("every media section of the offer has port 0")
	}
	if err := o.readTransport(d, first); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check is what must hold between the sections.
func (o *offer) check() error {
	mids := map[string]bool{}
	pts := map[uint8]string{} // what they mean: the same in all sections of a BUNDLE group (RFC 8843 §9.1)
	active := 0
	for _, m := range o.media {
		if m.mid != "" && mids[m.mid] {
			return malformed("two media sections have the same mid")
		}
		mids[m.mid] = true
		if m.rejected {
			continue
		}
		active++
		own := m.kind.String() + " " + m.format.rtpmap
		for pt, meaning := range map[uint8]string{m.format.pt: own, m.rtx: "repair of " + own, m.ridRTX: "repair of " + own} {
			if known, ok := pts[pt]; pt != 0 && ok && known != meaning {
				return malformed("payload type %d has two meanings", pt)
			}
			pts[pt] = meaning
		}
		if active > 1 || len(o.media) > 1 || len(o.bundle) > 0 {
			if !slices.Contains(o.bundle, m.mid) || m.mid == "" {
				return unsupported("all media must be in one BUNDLE group")
			}
		}
	}
	return nil
}

func (o *offer) readSection(s *section, publishing bool) (offered, error) {
	m := offered{rejected: s.port == 0 && !s.has("bundle-only")}
	m.raw.kind, m.raw.proto, m.raw.format = s.kind, s.proto, s.formats[0]
	m.mid, _ = s.get("mid")
	if len(m.mid) > 64 || strings.ContainsFunc(m.mid, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return m, malformed("a mid is not a token of at most 64 characters")
	}
	switch s.kind {
	case "audio":
		m.kind = Audio
	case "video":
		m.kind = Video
	}
	if m.rejected {
		return m, nil
	}
	if m.kind == 0 {
		return m, unsupported("a media section is neither audio nor video")
	}
	if s.proto != "UDP/TLS/RTP/SAVPF" && s.proto != "TCP/DTLS/RTP/SAVPF" && s.proto != "RTP/SAVPF" {
		return m, unsupported("media must be secured by DTLS-SRTP: UDP/TLS/RTP/SAVPF")
	}
	if m.mux = s.has("rtcp-mux") || s.has("rtcp-mux-only"); !m.mux {
		return m, unsupported("rtcp-mux is required")
	}
	direction := "sendrecv"
	for _, v := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		if s.has(v) {
			direction = v
		}
	}
	if publishing && direction != "sendonly" && direction != "sendrecv" {
		return m, unsupported("a publisher's media must be sendonly or sendrecv")
	}
	if !publishing && direction != "recvonly" && direction != "sendrecv" {
		return m, unsupported("a subscriber's media must be recvonly or sendrecv")
	}
	if err := m.chooseFormat(s); err != nil {
		return m, err
	}
	m.rsize = s.has("rtcp-rsize")
	m.readRepairs(s)
	m.readFeedback(s)
	if err := m.readExtensions(s); err != nil {
		return m, err
	}
	if publishing && m.kind == Video {
		m.readSimulcast(s)
	}
	return m, nil
}

// readRepairs reads which SSRC repairs which (RFC 5576 §4.2). A client that offers simulcast by RIDs names
// none, and might repair an encoding that we do not take, so it gets no repair stream unless all are taken.
func (m *offered) readRepairs(s *section) {
	for _, a := range s.attributes {
		f := strings.Fields(a.value)
		if a.key != "ssrc-group" || len(f) != 3 || f[0] != "FID" || len(m.repairs) == 8 {
			continue
		}
		of, err1 := strconv.ParseUint(f[1], 10, 32)
		by, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 == nil && err2 == nil {
			if m.repairs == nil {
				m.repairs = map[uint32]uint32{}
			}
			m.repairs[uint32(by)] = uint32(of)
		}
	}
	if m.repairs == nil && (s.has("simulcast") || s.has("rid")) {
		m.rtx, m.ridRTX = 0, m.rtx
	}
}

// readFeedback takes up which feedback messages the client understands for the chosen format (RFC 4585 §4.2).
func (m *offered) readFeedback(s *section) {
	for _, a := range s.attributes {
		if a.key != "rtcp-fb" {
			continue
		}
		pt, kind, _ := strings.Cut(a.value, " ")
		if pt != "*" && pt != strconv.Itoa(int(m.format.pt)) {
			continue
		}
		switch kind = strings.TrimSpace(kind); kind {
		case "nack", "nack pli", "ccm fir", "transport-cc", "goog-remb":
			if !slices.Contains(m.feedback, kind) {
				m.feedback = append(m.feedback, kind)
			}
		}
	}
}

func (m *offered) readExtensions(s *section) error {
	for _, a := range s.attributes {
		if a.key != "extmap" {
			continue
		}
		f := strings.Fields(a.value)
		if len(f) < 2 {
			return malformed("an extmap has no URI")
		}
		number, direction, _ := strings.Cut(f[0], "/")
		id, err := strconv.ParseUint(number, 10, 16)
		if err != nil || id == 0 {
			return malformed("an extmap has no valid number")
		}
		if id > 14 || direction == "recvonly" || direction == "inactive" {
			continue // one-byte headers only
		}
		switch f[1] {
		case uriTransportCC:
			m.ids.transportCC = uint8(id)
		case uriAudioLevel:
			if m.kind == Audio {
				m.ids.audioLevel = uint8(id)
			}
		case uriRID:
			m.ids.rid = uint8(id)
		case uriRepairedRID:
			m.ids.repairedRID = uint8(id)
		}
	}
	return nil
}

// readTransport takes credentials, fingerprints and DTLS role from the section, or else from the session
// part, where OBS has them.
func (o *offer) readTransport(d *description, first *section) error {
	get := func(key string) string {
		if v, ok := first.get(key); ok {
			return v
		}
		v, _ := d.session.get(key)
		return v
	}
	o.ice = iceRemote{get("ice-ufrag"), get("ice-pwd")}
	if err := o.ice.check(); err != nil {
		return err
	}
	switch o.setup = get("setup"); o.setup {
	case "actpass", "active", "passive":
	case "":
		return unsupported("the offer has no setup attribute")
	default:
		return unsupported("setup must be actpass, active or passive")
	}
	for _, s := range []*section{first, &d.session} {
		for _, a := range s.attributes {
			if a.key != "fingerprint" {
				continue
			}
			p, ok := parseFingerprint(a.value)
			if !ok {
				return malformed("a fingerprint is not valid")
			}
			if p.hash != "" && len(o.fingerprints) < 8 {
				o.fingerprints = append(o.fingerprints, p)
			}
		}
		if len(o.fingerprints) > 0 {
			return nil
		}
	}
	return unsupported("the offer has no fingerprint of sha-256, sha-384 or sha-512")
}

func (r iceRemote) check() error {
	if r.ufrag == "" || r.pwd == "" {
		return unsupported("ice-ufrag and ice-pwd are required")
	}
	if !iceChars(r.ufrag, 4, 256) || !iceChars(r.pwd, 22, 256) {
		return malformed("ice-ufrag or ice-pwd is not valid")
	}
	return nil
}

// parseFingerprint reads "sha-256 AB:CD:…". A hash that we do not take gives an empty one.
func parseFingerprint(v string) (dtlsPrint, bool) {
	hash, text, ok := strings.Cut(v, " ")
	if !ok {
		return dtlsPrint{}, false
	}
	hash = strings.ToLower(hash)
	size := map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}[hash]
	if size == 0 {
		return dtlsPrint{}, true
	}
	sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(sum) != size {
		return dtlsPrint{}, false
	}
	return dtlsPrint{hash, sum}, true
}
