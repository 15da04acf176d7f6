"""Publishes a test picture and a tone by WHIP with GStreamer's webrtcbin, until its standard input closes.

usage: gst.py ENDPOINT, with the bearer token in the environment as TOKEN. Says "connected" when media flows.
"""
import os
import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle latency=0
videotestsrc is-live=true pattern=ball background-color=0xff203850 ! video/x-raw,width=640,height=360,framerate=30/1 ! videoconvert
  ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=800 key-int-max=30
  ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer.
audiotestsrc is-live=true freq=440 ! audioconvert ! opusenc ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""

endpoint, token = sys.argv[1], os.environ["TOKEN"]
Gst.init(None)
pipeline = Gst.parse_launch(PIPELINE)
peer = pipeline.get_by_name("peer")
loop = GLib.MainLoop()
sessions = []  # the one that was made


def fail(why):
    print(f"failed: {why}", file=sys.stderr, flush=True)
    os._exit(1)


def on_gathered(peer, _):
    """All candidates are in the offer, as encoders send it: one POST and no trickle."""
    if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    description = peer.get_property("local-description")
    offer = description.sdp.as_text()
    threading.Thread(target=post, args=(offer,), daemon=True).start()


def post(offer):
    request = urllib.request.Request(
        endpoint, data=offer.encode(), method="POST",
        headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            if answer.status != 201 or not answer.headers["Location"]:
                fail(f"status {answer.status}, Location {answer.headers['Location']}")
            sessions.append(answer.headers["Location"])
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        fail(f"status {error.code}: {error.read().decode()}")
    result, sdp = GstSdp.SDPMessage.new_from_text(text)
    if result != GstSdp.SDPResult.OK:
        fail("the answer is no SDP")
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
    peer.emit("set-remote-description", answer, Gst.Promise.new())


def on_offer(promise, _):
    promise.wait()
    reply = promise.get_reply()  # it owns the offer
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def on_state(peer, _):
    state = peer.get_property("connection-state")
    if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
        print("connected", flush=True)
    elif state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
        fail("the connection failed")


def until_stdin_closes():
    sys.stdin.read()
    loop.quit()


peer.connect("on-negotiation-needed", lambda p: p.emit("create-offer", None, Gst.Promise.new_with_change_func(on_offer, None)))
peer.connect("notify::ice-gathering-state", on_gathered)
peer.connect("notify::connection-state", on_state)
pipeline.set_state(Gst.State.PLAYING)
threading.Thread(target=until_stdin_closes, daemon=True).start()
try:
    loop.run()
except KeyboardInterrupt:  # asked to end
    pass
for session in sessions:
    urllib.request.urlopen(urllib.request.Request(session, method="DELETE"), timeout=10).close()
pipeline.set_state(Gst.State.NULL)
