package rtc

// batcher sends what senders have sealed.
type batcher struct{ p *port }

func newBatcher(p *port) *batcher { return &batcher{p: p} }

func (b *batcher) send(s *session, sealed []byte) error { return s.send(sealed) }
func (b *batcher) flush(*session)                       {}
func (b *batcher) close()                               {}
