// For pages of the tests: the open client library (/client.js) as most of them use it.
import { Stage, SubscribeType } from "/client.js";

/** A stage where everybody is watched, and these streams are published if there are any. */
export const stageOf = (token, own = []) =>
  new Stage(token, {
    stageStreamsToPublish: () => own,
    shouldPublishParticipant: () => own.length > 0,
    shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
  });

/** Camera and microphone. */
export const devices = async () =>
  (await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } })).getTracks();

/** Shows streams of somebody, named by the user. */
export function show(participant, streams) {
  const tracks = streams.map((stream) => stream.mediaStreamTrack);
  const video = document.createElement("video");
  document.body.append(Object.assign(video, { id: participant.userId, autoplay: true, muted: true, srcObject: new MediaStream(tracks) }));
}
