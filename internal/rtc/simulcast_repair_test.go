package rtc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// layersSink remembers what came of each encoding.
type layersSink struct {
	countSink
	came map[string]*layerSink
}

func (s *layersSink) Track(t Track, _ Peer) Sink {
	s.came[t.RID] = &layerSink{track: t, packets: map[uint16][]byte{}}
	return s.came[t.RID]
}

type layerSink struct {
	countSink
	track   Track
	packets map[uint16][]byte
}

func (s *layerSink) Write(b []byte, _ time.Time) {
	s.n++
	s.packets[binary.BigEndian.Uint16(b[2:])] = bytes.Clone(b)
}

// A client as Chromium is: its offer names no SSRC, its packets say by RID which encoding they belong to, and its
// repairs by repaired RID, until one was heard of. A tenth of all is lost, repairs included.
func TestLostPacketsOfEveryLayerAreRepaired(t *testing.T) {
	const packets, ridID, repairedID = 400, 10, 11
	w := newWorld(t, nil)
	o, err := parseOffer(simulcastText(), true)
	if err != nil {
		t.Fatal(err)
	}
	o.takeSimulcast()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	at := time.Now()
	s := &session{srv: w.Server, port: w.port, began: at}
	s.route.Store(&route{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()})
	sink := &layersSink{came: map[string]*layerSink{}}
	u := newUpstream(w.Server, o, sink)
	u.start(s)
	ours, theirs := benchKeys(srtp.ProtectionProfileAeadAes128Gcm)
	if err := u.connected(ours); err != nil {
		t.Fatal(err)
	}
	out, err := theirs.outward()
	if err != nil {
		t.Fatal(err)
	}
	in, err := theirs.inward()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	send := func(p *rtp.Packet, mayBeLost bool) {
		plain, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		pk := packet{at: at}
		sealed, err := out.EncryptRTP(pk.buf[:0], plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if pk.n = len(sealed); !mayBeLost || random.IntN(10) > 0 {
			u.rtp(&pk)
		}
	}
	rids := []string{"l", "m", "h"}
	original := func(layer int, seq uint16) *rtp.Packet {
		p := &rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 108, SSRC: uint32(100 + layer), SequenceNumber: seq, Timestamp: uint32(seq) * 900},
			Payload: []byte{0x41, byte(layer), byte(seq >> 8), byte(seq)},
		}
		if err := p.SetExtension(ridID, []byte(rids[layer])); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var again [3]uint16
	repair := func(layer int, seq uint16) {
		p := original(layer, seq)
		p.Header = rtp.Header{Version: 2, PayloadType: 109, SSRC: uint32(200 + layer), SequenceNumber: again[layer], Timestamp: p.Timestamp}
		again[layer]++
		if t := u.tracks[slices.IndexFunc(u.tracks, func(t *uptrack) bool { return t.rid == rids[layer] })]; t.rtxSSRC == 0 {
			_ = p.SetExtension(repairedID, []byte(rids[layer])) // as good as that of the RID
		}
		p.Payload = append(binary.BigEndian.AppendUint16(nil, seq), p.Payload...)
		send(p, true)
	}
	tries := func() []int {
		n := make([]int, len(u.tracks))
		for i, t := range u.tracks {
			for _, m := range t.nack.missing {
				n[i] += m.tries
			}
		}
		return n
	}
	// tick lets the server ask, and answers all that it asks for.
	b := make([]byte, maxPacket)
	tick := func() {
		before := tries()
		u.tick(at)
		asked := 0
		for i, n := range tries() { // each of these asks in a message of its own
			if n != before[i] {
				asked++
			}
		}
		for asked > 0 {
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, err := conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := in.DecryptRTCP(nil, b[:n], nil)
			if err != nil {
				t.Fatal(err)
			}
			list, err := rtcp.Unmarshal(plain)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				if nack, ok := one.(*rtcp.TransportLayerNack); ok {
					asked--
					for _, pair := range nack.Nacks {
						for _, seq := range pair.PacketList() {
							repair(int(nack.MediaSSRC)-100, seq)
						}
					}
				}
			}
		}
	}
	for seq := uint16(0); seq < packets; seq++ {
		for layer := range rids {
			send(original(layer, seq), seq > 0 && seq < packets-1)
		}
		if at = at.Add(10 * time.Millisecond); seq%5 == 0 {
			tick()
		}
	}
	for range 20 {
		at = at.Add(feedbackEvery)
		tick()
	}
	for layer, rid := range rids {
		s := sink.came[rid]
		if s == nil || s.track.SSRC != uint32(100+layer) {
			t.Fatalf("%s: %+v", rid, s)
		}
		if s.n != packets || len(s.packets) != packets {
			t.Errorf("%s: %d packets, %d of them different, want %d", rid, s.n, len(s.packets), packets)
		}
		if again[layer] == 0 {
			t.Errorf("%s: nothing was repaired", rid)
		}
		for seq, b := range s.packets {
			var p rtp.Packet
			if err := p.Unmarshal(b); err != nil {
				t.Fatal(err)
			}
			if want := original(layer, seq); p.SSRC != want.SSRC || p.PayloadType != 108 || p.Timestamp != want.Timestamp || !bytes.Equal(p.Payload, want.Payload) {
				t.Fatalf("%s: packet %d is %+v", rid, seq, p)
			}
		}
	}
	// What repairs an encoding that nobody knows goes nowhere.
	stray := original(0, packets)
	stray.PayloadType, stray.SSRC = 109, 777
	stray.Header.Extensions = nil
	if err := stray.SetExtension(repairedID, []byte("x")); err != nil {
		t.Fatal(err)
	}
	send(stray, false)
	// Nor does a second repair stream of one that has its own.
	second := original(0, packets)
	second.PayloadType, second.SSRC = 109, 778
	second.Header.Extensions = nil
	if err := second.SetExtension(repairedID, []byte("l")); err != nil {
		t.Fatal(err)
	}
	send(second, false)
	if n := sink.came["l"].n + sink.came["m"].n + sink.came["h"].n; n != 3*packets {
		t.Errorf("a stray repair was taken: %d packets", n)
	}
}
