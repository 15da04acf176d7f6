"""Subscribes to one participant with aiortc through the relay alone, until its standard input closes.

usage: aio_relay.py ENDPOINT SCHEME, with the bearer token in the environment as TOKEN, and turn or turns as the scheme. The first answer
names the relay; a second session has no other candidates than its. Says "relayed URL", and "video WIDTH HEIGHT" and "audio" when some
has been decoded.
"""
import asyncio
import os
import re
import sys

import aioice
from aiohttp import ClientSession
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, rtcicetransport

endpoint, scheme, token = sys.argv[1], sys.argv[2], os.environ["TOKEN"]
LINK = re.compile(r'<([^>]*)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"')


class Relayed(aioice.Connection):
    """aiortc has no policy of transports; what it stands on has."""

    def __init__(self, **options):
        super().__init__(**options, transport_policy=aioice.TransportPolicy.RELAY)


async def listen(track):
    said = False
    while True:
        frame = await track.recv()
        if not said:
            said = True
            print(f"video {frame.width} {frame.height}" if track.kind == "video" else "audio", flush=True)


async def ask(http, servers):
    """Gives a peer, and the answer to its offer."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=servers))
    tasks = []
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(listen(track))))
    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly").setCodecPreferences(
        [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/H264"]
    )
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
    answer = await http.post(endpoint, data=peer.localDescription.sdp, headers=headers)
    text = await answer.text()
    if answer.status != 201:
        sys.exit(f"failed: status {answer.status}: {text}")
    return peer, answer, text


async def main():
    async with ClientSession() as http:
        peer, answer, _ = await ask(http, [])
        await http.delete(answer.headers["Location"])
        await peer.close()
        named = [LINK.match(link).groups() for link in answer.headers.getall("Link")]
        url, username, credential = next(server for server in named if server[0].startswith(scheme + ":"))
        rtcicetransport.Connection = Relayed
        peer, answer, text = await ask(http, [RTCIceServer(urls=url, username=username, credential=credential)])
        if " typ host" in peer.localDescription.sdp or " typ relay" not in peer.localDescription.sdp:
            sys.exit("failed: there are other candidates than the relay's")
        print(f"relayed {url}", flush=True)
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await peer.close()


asyncio.run(main())
