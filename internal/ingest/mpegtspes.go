package ingest

import (
	"bytes"
	"time"
)

// tsUnits puts the packetized elementary stream (§2.4.3.6) of one PID together, one packet of it at a
// time. A packet that cannot be whole is dropped.
type tsUnits struct {
	counter tsCounter
	most    int // bytes that a packet may have

	open    bool      // a packet comes in
	buf     []byte    // its header and payload so far; of the one before it while none does
	want    int       // its length; 0 if only the beginning of the next one shows its end
	arrived time.Time // when its newest bytes came
}

// tsUnit is a packet: one access unit of video, or a few of audio.
type tsUnit struct {
	broken   bool  // nothing of it can be used
	pts, dts int64 // 33 bits; pts is negative if the packet has none
	arrived  time.Time
	data     []byte // valid until the next packet begins
}

// lost drops what is there, and says whether there was anything.
func (u *tsUnits) lost() bool {
	had := u.open
	u.open = false
	u.counter.begun = false
	return had
}

// check says whether the payload of a transport packet is one to take, and whether something before it
// was lost: then it drops what was there.
func (u *tsUnits) check(p tsPayload) (ok, gap bool) {
	repeated, gap := u.counter.next(p)
	if repeated {
		// The same packet may be sent twice, but 15 lost ones look alike.
		if bytes.HasSuffix(u.buf, p.data) {
			return false, false
		}
		gap = true
	}
	if gap || p.damaged {
		u.open = false
	}
	return !p.damaged, gap || p.damaged
}

// add takes a payload that was checked. It passes on the packets that this shows to have ended.
func (u *tsUnits) add(p tsPayload, arrived time.Time, use func(tsUnit) error) error {
	if p.start {
		if err := u.finish(use); err != nil {
			return err
		}
		if len(p.data) < 9 || p.data[0] != 0 || p.data[1] != 0 || p.data[2] != 1 {
			return use(tsUnit{broken: true})
		}
		u.open, u.buf, u.want = true, u.buf[:0], 0
		if n := int(p.data[4])<<8 | int(p.data[5]); n > 0 {
			u.want = 6 + n
		}
	} else if !u.open {
		return nil
	}
	if len(u.buf)+len(p.data) > u.most {
		u.open = false
		return use(tsUnit{broken: true})
	}
	u.buf = append(u.buf, p.data...)
	u.arrived = arrived
	if u.want > 0 && len(u.buf) >= u.want {
		return u.finish(use)
	}
	return nil
}

// finish passes on what is there.
func (u *tsUnits) finish(use func(tsUnit) error) error {
	if !u.open {
		return nil
	}
	u.open = false
	b := u.buf
	if u.want > len(b) || b[6]>>6 != 2 {
		return use(tsUnit{broken: true})
	}
	if u.want > 0 {
		b = b[:u.want]
	}
	if len(b) < 9 || 9+int(b[8]) > len(b) {
		return use(tsUnit{broken: true})
	}
	head := 9 + int(b[8])
	unit := tsUnit{pts: -1, arrived: u.arrived, data: b[head:]}
	if b[7]&0x80 != 0 && head >= 14 {
		unit.pts = timestamp33(b[9:])
		unit.dts = unit.pts
		if b[7]&0x40 != 0 && head >= 19 {
			unit.dts = timestamp33(b[14:])
		}
	}
	return use(unit)
}

// timestamp33 reads the 33 bits of a timestamp out of five bytes.
func timestamp33(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}
