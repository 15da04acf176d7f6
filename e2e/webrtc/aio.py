"""Publishes by WHIP, or subscribes to one participant, with aiortc, until its standard input closes.

usage: aio.py publish ENDPOINT | aio.py subscribe ENDPOINT, with the bearer token in the environment as TOKEN.
Says "connected" when a publisher's media may flow, and "video WIDTH HEIGHT" and "audio" when a subscriber has decoded some.
"""
import asyncio
import os
import sys

from aiohttp import ClientSession
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError

mode, endpoint, token = sys.argv[1], sys.argv[2], os.environ["TOKEN"]


def h264_first(transceiver):
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if c.mimeType == "video/H264"])


async def listen(track):
    """Decodes until something came, and goes on, so that nothing piles up."""
    said = False
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if not said:
            said = True
            print(f"video {frame.width} {frame.height}" if track.kind == "video" else "audio", flush=True)


async def main():
    peer, tasks = RTCPeerConnection(), []

    @peer.on("connectionstatechange")
    def changed():
        if peer.connectionState == "connected" and mode == "publish":
            print("connected", flush=True)
        elif peer.connectionState == "failed":
            print("failed: the connection failed", file=sys.stderr, flush=True)
            os._exit(1)

    @peer.on("track")
    def arrived(track):
        tasks.append(asyncio.ensure_future(listen(track)))

    if mode == "publish":
        video = MediaPlayer("testsrc=size=640x360:rate=30", format="lavfi")
        audio = MediaPlayer("sine=frequency=440:sample_rate=48000", format="lavfi")
        peer.addTrack(audio.audio)
        peer.addTrack(video.video)
    else:
        peer.addTransceiver("audio", direction="recvonly")
        peer.addTransceiver("video", direction="recvonly")
    for transceiver in peer.getTransceivers():
        if transceiver.kind == "video":
            h264_first(transceiver)
    await peer.setLocalDescription(await peer.createOffer())
    async with ClientSession() as http:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        async with http.post(endpoint, data=peer.localDescription.sdp, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                print(f"failed: status {answer.status}: {text}", file=sys.stderr, flush=True)
                os._exit(1)
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await peer.close()


asyncio.run(main())
