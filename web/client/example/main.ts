// Join stages with participant tokens, see and hear everybody, be seen and heard.
import {
  isSupported,
  LocalStageStream,
  Stage,
  StageEvents,
  type StageParticipantInfo,
  type StageStream,
  SubscribeType,
} from "@streamcat/client";

const $ = <E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E => {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`no ${selector}`);
  return found;
};

const copyOf = (id: string): HTMLElement =>
  $<HTMLTemplateElement>(`#${id}`).content.firstElementChild!.cloneNode(true) as HTMLElement;

const nameOf = ({ attributes, userId, id }: StageParticipantInfo): string => attributes["username"] || userId || id;

/** One person's picture, name and sound. */
class Tile {
  readonly element = copyOf("person");
  readonly #participant: StageParticipantInfo;
  readonly #video = $<HTMLVideoElement>("video", this.element);
  #streams: StageStream[] = [];

  constructor(participant: StageParticipantInfo) {
    this.#participant = participant;
    if (participant.isLocal) this.element.dataset["local"] = "";
    this.#video.muted = participant.isLocal; // nobody wants to hear themselves
    this.#video.srcObject = new MediaStream();
    this.show();
  }

  add(streams: StageStream[]): void {
    for (const { mediaStreamTrack } of streams) (this.#video.srcObject as MediaStream).addTrack(mediaStreamTrack);
    this.#streams.push(...streams);
    void this.#video.play().catch(() => {}); // until somebody touches the page
    this.show();
  }

  remove(streams: StageStream[]): void {
    for (const { mediaStreamTrack } of streams) (this.#video.srcObject as MediaStream).removeTrack(mediaStreamTrack);
    this.#streams = this.#streams.filter((stream) => !streams.includes(stream));
    this.show();
  }

  show(): void {
    const muted = this.#streams.filter(({ isMuted }) => isMuted).map(({ streamType }) => `no ${streamType}`);
    const seen = this.#streams.some(({ streamType, isMuted }) => streamType === "video" && !isMuted);
    this.#video.toggleAttribute("data-dark", !seen); // not the last picture of somebody who stopped the camera
    const here = this.#streams.length > 0 ? muted : ["watching"];
    this.element.dataset["participant"] = this.#participant.id;
    $("figcaption", this.element).textContent = [nameOf(this.#participant), ...here].join(" · ");
  }
}

/** Joins one stage as one person, and shows it. */
async function visit(token: string, local: LocalStageStream[]): Promise<void> {
  let wanted: SubscribeType = SubscribeType.AUDIO_VIDEO;
  const section = copyOf("stage");
  const say = (text: string) => void ($('[role="status"]', section).textContent = text);
  const tiles = new Map<string, Tile>();

  const stage = new Stage(token, {
    stageStreamsToPublish: () => local,
    shouldPublishParticipant: () => local.length > 0,
    shouldSubscribeToParticipant: () => wanted,
  });

  stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, (state) => say(state));
  stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, (participant) => {
    const tile = new Tile(participant);
    tiles.set(participant.id, tile);
    $(".people", section).append(tile.element);
    if (!participant.isLocal) return;
    $("h2", section).textContent = nameOf(participant);
    if (!participant.capabilities.has("publish")) local = [];
    for (const button of section.querySelectorAll<HTMLElement>('[data-do="audio"], [data-do="video"]')) {
      button.hidden = !local.some(({ streamType }) => streamType === button.dataset["do"]);
    }
  });
  stage.on(StageEvents.STAGE_PARTICIPANT_LEFT, ({ id }) => {
    tiles.get(id)?.element.remove();
    tiles.delete(id);
  });
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, ({ id }, streams) => tiles.get(id)?.add(streams));
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, ({ id }, streams) => tiles.get(id)?.remove(streams));
  stage.on(StageEvents.STAGE_STREAM_MUTE_CHANGED, ({ id }) => tiles.get(id)?.show());
  stage.on(StageEvents.ERROR, (error) => say(`${error.category}: ${error.message} (${error.code})`));
  stage.on(StageEvents.STAGE_LEFT, (reason) => {
    say(`left: ${reason}`);
    for (const button of section.querySelectorAll("button")) button.disabled = true;
  });

  for (const kind of ["audio", "video"] as const) {
    const own = local.filter(({ streamType }) => streamType === kind);
    const button = $<HTMLButtonElement>(`[data-do="${kind}"]`, section);
    button.addEventListener("click", () => {
      for (const stream of own) stream.setMuted(!stream.isMuted);
      button.setAttribute("aria-pressed", String(own.some(({ isMuted }) => isMuted)));
    });
  }
  const sound = $<HTMLButtonElement>('[data-do="sound"]', section);
  sound.addEventListener("click", () => {
    wanted = wanted === SubscribeType.AUDIO_VIDEO ? SubscribeType.AUDIO_ONLY : SubscribeType.AUDIO_VIDEO;
    sound.textContent = wanted === SubscribeType.AUDIO_VIDEO ? "Sound only" : "Pictures, too";
    stage.refreshStrategy();
  });
  $('[data-do="leave"]', section).addEventListener("click", () => stage.leave());

  $("#stages").append(section);
  await stage.join();
}

/** Camera and microphone, or what there is of them; a copy of the tracks for each who joins. */
async function devices(people: number): Promise<LocalStageStream[][]> {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } });
  return Array.from({ length: people }, (_, i) =>
    media.getTracks().map((track) => new LocalStageStream(i === 0 ? track : track.clone())),
  );
}

$("#join").addEventListener("submit", (event) => {
  event.preventDefault();
  const notice = $("#notice");
  const tokens = $<HTMLTextAreaElement>("#tokens").value.split(/\s+/).filter(Boolean);
  const join = async () => {
    const local = $<HTMLInputElement>("#publish").checked ? await devices(tokens.length) : [];
    await Promise.all(tokens.map((token, i) => visit(token, local[i] ?? [])));
    notice.textContent = "";
  };
  join().catch((error: unknown) => (notice.textContent = error instanceof Error ? error.message : String(error)));
});

if (!isSupported()) $("#notice").textContent = "This browser lacks what a stage needs: WebRTC with H.264 and Opus.";
