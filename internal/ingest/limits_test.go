package ingest

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// Headers are copied with what comes after them: a few bytes of a publisher must not cost megabytes.
func TestLongHeadersAreNotTaken(t *testing.T) {
	long := make([]byte, maxHeader+1)
	av1Long := appendOBU(nil, obuSequenceHeader<<3, nil, append(av1Head180[2:len(av1Head180):len(av1Head180)], long...))
	record := avcRecord(4, append(sps180[:len(sps180):len(sps180)], long...), pps)
	for what, tag := range map[string]FLVTag{
		"the sequence header is too long": vid(0, exVideo(exSequenceStart, fourAV1, av1Record(av1Long))),
		"a parameter set is too long":     vid(0, videoConfig(record)),
	} {
		_, _, err := take(t, tag)
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %q", err, what)
		}
	}
	c := av1Of180(t)
	if _, err := c.accessUnit(join(av1Long, av1Key)); fault.Of(err) != fault.Invalid {
		t.Errorf("in a picture of AV1: got %v", err)
	}
	h, err := parseAVCConfig(avcRecord(4, sps180, pps))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := h.accessUnit(nals(4, append(pps2[:len(pps2):len(pps2)], long...), idr)); err != nil || p.changed || !p.key {
		t.Errorf("in a picture of H.264: %+v, %v", p, err)
	}
}

func TestOneIPv6HostIsOneAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"[fe80::1%1]:1", "[fe80::2%1]:1", true},
	} {
		if got := network(netip.MustParseAddrPort(c.a)) == network(netip.MustParseAddrPort(c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

// Packets without a payload that are due in half an hour: what is counted in bytes is nothing.
func TestPacketsThatWaitAreBounded(t *testing.T) {
	s := startSRT(t, nil)
	c := dialSRT(t, s.addr)
	_, cookie := c.ask(handshake(induction, 1500, 0))
	if kind, _ := c.ask(handshake(conclusion, 1500, cookie, extensions(goodKey)...)); kind != conclusion {
		t.Fatalf("answered with %d", kind)
	}
	a := s.gate.next(t)
	packet := make([]byte, 16)
	packet[4] = 0xC0 // a message of its own
	packet[7] = 1
	binary.BigEndian.PutUint32(packet[8:], 30*60*1_000_000)
	binary.BigEndian.PutUint32(packet[12:], c.socket)
	ended, limit := a.stream.Done(), time.After(patience)
	for seq := uint32(1); ; seq++ {
		binary.BigEndian.PutUint32(packet, seq)
		if _, err := c.nc.Write(packet); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
			if err := a.stream.Err(); err == nil || !strings.Contains(err.Error(), "ahead of its time") {
				t.Errorf("after %d packets: %v", seq, err)
			}
			return
		case <-limit:
			t.Fatalf("%d packets are held", seq)
		default:
		}
	}
}
