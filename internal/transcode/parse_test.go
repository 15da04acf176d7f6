package transcode

import (
	"bufio"
	"bytes"
	"os/exec"
	"testing"
)

// What is written as Ogg is read back by another, in whole packets of all sizes.
func TestOggIsReadBack(t *testing.T) {
	var o oggWriter
	b := o.appendHead(nil, 2)
	var want [][]byte
	for n := range 600 {
		p := bytes.Repeat([]byte{byte(n)}, n+1)
		want = append(want, p)
		b = o.appendPacket(b, p, 960)
	}
	got := oggPackets(b)[2:]
	if len(got) != len(want) {
		t.Fatalf("%d packets", len(got))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("packet %d differs", i)
		}
	}
	if o.samples != 600*960 {
		t.Errorf("%d samples", o.samples)
	}
	// ffprobe checks the sums.
	var good oggWriter
	b = good.appendHead(nil, 2)
	for range 50 {
		b = good.appendPacket(b, opusSilence, silenceSamples)
	}
	cmd := exec.Command("ffprobe", "-v", "warning", "-f", "ogg", "-count_packets", "-show_entries", "stream=nb_read_packets,codec_name", "-of", "csv=p=0", "-")
	cmd.Stdin = bytes.NewReader(b)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "opus,50\n" {
		t.Errorf("ffprobe: %v, %s", err, out)
	}
}

func FuzzADTS(f *testing.F) {
	f.Add([]byte{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x1F, 0xFC, 1})
	f.Add([]byte{0xFF, 0xF0, 0x4C, 0x80, 0x01, 0x5F, 0xFC, 9, 9, 1})
	f.Add([]byte{0xFF, 0xF1, 0x4C, 0x80, 0x00, 0x1F, 0xFC})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		for {
			a, err := readADTS(r)
			if err != nil {
				return
			}
			if len(a.payload) == 0 || len(a.payload) > 8191 || a.rate == 0 {
				t.Fatalf("%+v", a)
			}
		}
	})
}

func FuzzOpusSamples(f *testing.F) {
	f.Add([]byte{0xF8, 0xFF, 0xFE})
	f.Add([]byte{0xFB, 0x06})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := opusSamples(b); n < 0 || n > 5760 || n%120 != 0 {
			t.Fatalf("%d samples", n)
		}
	})
}
