package stage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/sfu"
)

// Levels are in dBov, as publishers measure them (RFC 6464): ordinary speech has its loud moments at -35 to -15, a quiet
// room is below -50.
const (
	quietest  = -80.0 // what is less loud is as good as silence
	startsAt  = -42.0 // one whose smoothed level is higher begins to speak,
	stopsAt   = -54.0 // and has stopped when it is lower
	attack    = 0.5   // how far the smoothed level goes towards a louder moment: a door that slams is nobody who speaks
	release   = 0.2   // and towards a quieter one: nobody stops to speak with every breath
	overtakes = 6.0   // by how much one must be louder to be named before another
)

// talk is who speaks, as it follows from how loud everybody is in each moment (sfu.LoudEvery). Who speaks for a short
// while or stops for one does not make it flap.
type talk struct {
	voices map[string]*voice // of all who could speak, by participant
	order  []string          // who speaks, the loudest first
}

type voice struct {
	level  float64 // smoothed, dBov
	speaks bool
}

// hear takes the next moment of a voice.
func (v *voice) hear(level int) {
	loud := max(float64(level), quietest)
	if loud > v.level {
		v.level += attack * (loud - v.level)
	} else {
		v.level += release * (loud - v.level)
	}
	v.speaks = v.level > startsAt || v.speaks && v.level > stopsAt
}

// moment takes how loud everybody is who could speak, and says whether the order is another one now.
func (t *talk) moment(levels map[string]int) (changed bool) {
	for id := range t.voices {
		if _, there := levels[id]; !there {
			delete(t.voices, id)
		}
	}
	var begun []string
	for id, level := range levels {
		v := t.voices[id]
		if v == nil {
			v = &voice{level: quietest}
			if t.voices == nil {
				t.voices = map[string]*voice{}
			}
			t.voices[id] = v
		}
		spoke := v.speaks
		if v.hear(level); v.speaks && !spoke {
			begun = append(begun, id)
		}
	}
	order := slices.DeleteFunc(slices.Clone(t.order), func(id string) bool { return t.voices[id] == nil || !t.voices[id].speaks })
	slices.SortFunc(begun, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.voices[b].level, t.voices[a].level), strings.Compare(a, b))
	})
	order = append(order, begun...)
	for i := range order {
		for ; i > 0 && t.voices[order[i]].level > t.voices[order[i-1]].level+overtakes; i-- {
			order[i], order[i-1] = order[i-1], order[i]
		}
	}
	changed = !slices.Equal(order, t.order)
	t.order = order
	return changed
}

// speakersFrame is the payload of SPEAKERS.
type speakersFrame struct {
	ParticipantIDs []string `json:"participantIds"` // never null
}

func (t *talk) frame() []byte {
	return encode("SPEAKERS", speakersFrame{append([]string{}, t.order...)})
}

// attend sees to it that somebody listens while there are sockets to tell and participants who publish.
func (st *stage) attend() {
	if r := &st.roster; !st.attends && !r.stopped && len(r.sockets) > 0 && len(st.levels()) > 0 {
		st.attends = true
		time.AfterFunc(sfu.LoudEvery, st.listen)
	}
}

// listen takes one moment, and tells all sockets when it has changed who speaks.
func (st *stage) listen() {
	st.lock()
	defer st.unlock()
	st.attends = false
	r := &st.roster
	if r.stopped || len(r.sockets) == 0 {
		st.talk = talk{}
		return
	}
	if st.talk.moment(st.levels()) {
		frame := st.talk.frame()
		for s := range r.sockets {
			s.offer(frame)
		}
	}
	st.tellLayers()
	st.attend()
}

// levels gives how loud everybody is who publishes and whom sockets know.
func (st *stage) levels() map[string]int {
	now := st.m.now()
	all := map[string]int{}
	for id, f := range st.feeds {
		if _, told := st.roster.told[id]; !told || f.publisher == nil || !f.publisher.begun {
			continue
		}
		level := sfu.Inaudible
		if s := f.publisher.sound.Load(); s != nil {
			level = s.Loudness(now)
		}
		all[id] = level
	}
	return all
}
