package ingest

import (
	"context"
	"encoding/binary"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// App is the RTMP application that publishers use: rtmp://host/app/<stream key>.
const App = "app"

// command does what the encoder asks. Commands are those of section 7.2 of the RTMP specification, and what
// Adobe's Flash Media Live Encoder made customary.
func (c *conn) command(ctx context.Context, v []any) error {
	if c.commands++; c.commands > maxCommands {
		return badBytes("too many commands")
	}
	var name string
	var txn float64
	if len(v) > 0 {
		name, _ = v[0].(string)
	}
	if len(v) > 1 {
		txn, _ = v[1].(float64)
	}
	var args []any
	if len(v) > 3 {
		args = v[3:]
	}
	switch name {
	case "connect":
		return c.connect(txn, v)
	case "createStream":
		return c.call(0, "_result", txn, nil, float64(messageStreamID))
	case "releaseStream", "_checkbw":
		return c.call(0, "_result", txn, nil)
	case "getStreamLength":
		return c.call(0, "_result", txn, nil, 0.0)
	case "FCPublish":
		return c.call(0, "onFCPublish", 0.0, nil, amfObject{{"level", "status"}, {"code", codeStart}})
	case "publish":
		return c.publish(ctx, args)
	case "FCUnpublish", "deleteStream", "closeStream":
		return c.leave(name)
	case "play", "play2":
		return refuse("play", codePlayFailed, "this server takes streams by RTMP, it does not play them")
	case "_result", "_error", "onStatus", "@setDataFrame", "setBufferLength", "receiveAudio", "receiveVideo":
		return nil
	}
	if txn == 0 {
		return nil // no answer is wanted
	}
	return c.call(0, "_error", txn, nil, amfObject{
		{"level", "error"}, {"code", "NetConnection.Call.Failed"}, {"description", "unknown command"},
	})
}

func (c *conn) connect(txn float64, v []any) error {
	var o amfObject
	if len(v) > 2 {
		o, _ = v[2].(amfObject)
	}
	c.app, c.appQuery, _ = strings.Cut(o.text("app"), "?")
	c.app = strings.Trim(c.app, "/")
	c.connected = true
	window := binary.BigEndian.AppendUint32(nil, ourWindow)
	for _, m := range []message{
		{kind: msgWindowAck, payload: window},
		{kind: msgPeerBandwidth, payload: append(window[:4:4], 2)}, // dynamic
		{kind: msgSetChunkSize, payload: binary.BigEndian.AppendUint32(nil, ourChunkSize)},
	} {
		if err := c.control(m.kind, m.payload); err != nil {
			return err
		}
	}
	return c.call(0, "_result", txn,
		append(amfObject{
			{"fmsVer", "FMS/3,5,7,7009"}, {"capabilities", 31.0}, // the form that encoders look for
		}, exCapabilities(exCanForward)...),
		amfObject{
			{"level", "status"},
			{"code", "NetConnection.Connect.Success"},
			{"description", "connected"},
			{"objectEncoding", 0.0},
		})
}

// publish asks the gates and starts the publication.
func (c *conn) publish(ctx context.Context, args []any) error {
	switch {
	case !c.connected:
		return badBytes("publish before connect")
	case c.pub != nil:
		return refuse("repeated", codeBadName, "this connection already publishes")
	case !strings.EqualFold(c.app, App):
		return refuse("app", codeBadName, "unknown application: the server address must end in /"+App+"/")
	}
	var name string
	if len(args) > 0 {
		name, _ = args[0].(string)
	}
	key, query, _ := strings.Cut(name, "?")
	if key = strings.Trim(key, "/"); key == "" {
		return refuse("unknown_key", codeBadName, "the stream key is missing")
	}
	priority, ok := priorityOf(c.appQuery + "&" + query)
	if !ok {
		return refuse("priority", codeDenied, "the priority must be a whole number from 1 to 2147483647")
	}
	protocol := "RTMP"
	if c.encrypted {
		protocol = "RTMPS"
	}
	asking, cancel := context.WithTimeout(ctx, c.server.deps.Timeouts.Admit)
	defer cancel()
	stream, err := admit(asking, c.server.deps.Gates, media.Publisher{
		Protocol: protocol, App: App, Key: key, Priority: priority, Remote: c.remote, Encrypted: c.encrypted,
	})
	if err != nil {
		return notAdmitted(err)
	}
	c.start(stream)
	if err := c.control(msgUserControl, []byte{0, userStreamBegin, 0, 0, 0, messageStreamID}); err != nil {
		return err
	}
	return c.status("status", codeStart, "publishing")
}

// admit asks gates in turn until one knows the key. The time is the caller's.
func admit(ctx context.Context, gates []media.Gate, p media.Publisher) (*media.Stream, error) {
	err := error(fault.Missing("unknown stream key"))
	for _, g := range gates {
		var s *media.Stream
		if s, err = g.Admit(ctx, p); err == nil {
			return s, nil
		}
		if fault.Of(err) != fault.NotFound {
			return nil, err
		}
	}
	return nil, err
}

func (c *conn) start(stream *media.Stream) {
	c.pub = &publication{stream: stream}
	c.began = c.server.deps.Now()
	c.commands = 0
	c.src.grow()
	c.src.spare = c.pub.spare
	c.src.within(c.server.deps.Timeouts.Idle)
	c.chunks.limits = publisherLimits
	c.chunks.alloc = c.pub.alloc
	c.unwatch = c.watch(c.pub)
	c.server.metrics.publishers.Inc()
	c.server.log.Info("rtmp: publishing", "remote", c.remote, "encrypted", c.encrypted)
}

// leave is the encoder's orderly end of its stream. It may publish again on the same connection.
func (c *conn) leave(name string) error {
	if c.pub != nil {
		c.unpublish(nil)
		c.src.spare = nil
		c.src.until(c.server.deps.Timeouts.Publish)
	}
	if name == "FCUnpublish" {
		return c.call(0, "onFCUnpublish", 0.0, nil, amfObject{{"level", "status"}, {"code", codeUnpublished}})
	}
	return nil
}

// priorityOf finds the priority of a stream takeover in a query; 0 if there is none.
func priorityOf(query string) (int, bool) {
	for part := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(part, "=")
		if k != "priority" {
			continue
		}
		if u, err := url.QueryUnescape(v); err == nil {
			v = u
		}
		n, err := strconv.Atoi(v)
		return n, err == nil && n >= 1 && n <= math.MaxInt32
	}
	return 0, true
}
