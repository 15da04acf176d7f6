package sfu

import "testing"

// TestMessagesInPicturesPass: supplemental information (ITU-T H.264 §7.3.2.3) goes to viewers as it came, alone in a packet and beside other units,
// in front of a key frame, which begins with it if it is first, and of others.
func TestMessagesInPicturesPass(t *testing.T) {
	const (
		uuid    = "0123456789abcdef"
		sei     = "\x06\x05\x14" + uuid + "\x00\x00\x03\x01\x80"
		stap    = "\x78\x00\x02\x67\x42\x00\x18" + sei + "\x00\x02\x65\x88" // SPS, SEI, IDR (RFC 6184 §5.7.1)
		another = "\x06\x05\x11" + uuid + "x\x80"
	)
	b := newBench(Video)
	d, got := b.down(Video)
	d.Attach(b.up)
	b.write(1, 0, sei) // of a picture that nobody can show yet
	b.write(2, 0, slice)
	b.write(3, 3000, sps)
	b.write(4, 3000, sei)
	b.write(5, 3000, idr)
	b.write(6, 6000, another)
	b.write(7, 6000, slice)
	b.write(8, 9000, stap)
	b.write(9, 12000, sei)
	b.write(10, 12000, idr)
	p := got.take()
	wantPayloads(t, p, sps, sei, idr, another, slice, stap, sei, idr)
	wantContinuous(t, p)
}
