import Hls, { type ErrorData, type HlsConfig } from "hls.js/light";
import { Backoff } from "../api/backoff";

/**
 * loading: nothing shown yet · playing: pictures move, or could · retrying: the stream cannot be had,
 * we ask again · ended: played out to the end of the stream, we look for the next one · unsupported:
 * this browser cannot play what the encoder sends.
 */
export type PlaybackState = "loading" | "playing" | "retrying" | "ended" | "unsupported";

export interface PlaybackOptions {
  video: HTMLVideoElement;
  url: string;
  onState: (state: PlaybackState) => void;
}

const config: Partial<HlsConfig> = {
  lowLatencyMode: true,
  liveSyncOnStallIncrease: 0.25, // a line that stalls gets a little more room each time
  liveDurationInfinity: true,
  backBufferLength: 30,
  maxBufferLength: 20,
  // Few tries inside hls.js: it gives up early and Playback, which never gives up, takes over.
  manifestLoadPolicy: policy(10_000, 1),
  playlistLoadPolicy: policy(20_000, 2),
  fragLoadPolicy: policy(20_000, 3),
};

function policy(time: number, tries: number) {
  const retry = { maxNumRetry: tries, retryDelayMs: 300, maxRetryDelayMs: 1000 };
  return { default: { maxTimeToFirstByteMs: time, maxLoadTimeMs: 3 * time, timeoutRetry: retry, errorRetry: retry } };
}

/** How long pictures may stand still, and how long the first may take, before the player is built anew. */
const STALLED = 6_000;
const FIRST_PICTURE = 20_000;
/** Catching up without a jump: begun when this far behind the wished-for place, ended when nearly there. */
const CATCH_UP = { from: 1, to: 0.3, rate: 1.08, ahead: 0.8 };
/** After this long without a stall the extra room is given back. */
const CALM = 45_000;
/** Seconds behind the wished-for place that are not caught up by playing faster. */
const FAR = 5;

/**
 * Plays one live address in one video element, for as long as it is not destroyed: through restarts
 * of the encoder and of the server, without anybody loading the page again. While the stream cannot
 * be had, the last picture stays; the player is rebuilt only once the playlist answers again.
 */
export class Playback {
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #onState: (state: PlaybackState) => void;
  readonly #backoff = new Backoff(400, 5_000);
  readonly #watch: ReturnType<typeof setInterval>;
  #hls: Hls | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #probe: AbortController | undefined;
  #state: PlaybackState = "loading";
  #destroyed = false;
  #mediaRepair = Number.NEGATIVE_INFINITY;
  #stalledAt = Number.NEGATIVE_INFINITY;
  #moved = { at: performance.now(), time: -1 };

  constructor({ video, url, onState }: PlaybackOptions) {
    this.#video = video;
    this.#url = url;
    this.#onState = onState;
    video.addEventListener("playing", this.#playing);
    video.addEventListener("timeupdate", this.#playing);
    video.addEventListener("waiting", this.#waiting);
    video.addEventListener("ended", this.#ended);
    video.addEventListener("error", this.#nativeError);
    document.addEventListener("visibilitychange", this.#backInView);
    this.#watch = setInterval(() => this.#look(), 1000);
    this.#build();
  }

  /** Seconds between the newest picture there is and the one on screen. */
  get latency(): number {
    if (this.#hls) return this.#hls.latency;
    const { seekable, currentTime } = this.#video;
    return seekable.length > 0 ? Math.max(0, seekable.end(seekable.length - 1) - currentTime) : 0;
  }

  /** Where the player would rather be, in seconds behind. */
  get target(): number {
    return this.#hls?.targetLatency ?? 3;
  }

  get frameRate(): number | undefined {
    const level = this.#hls?.levels[this.#hls.currentLevel];
    return level?.frameRate || undefined;
  }

  /** Jumps to the newest pictures. */
  goLive(): void {
    this.#forgetStalls();
    const { seekable } = this.#video;
    const edge = this.#hls?.liveSyncPosition ?? (seekable.length > 0 ? seekable.end(seekable.length - 1) - 2 : null);
    if (edge !== null && edge > this.#video.currentTime) this.#video.currentTime = edge;
  }

  /** Somebody knows that the stream is there (again): do not sit out a pause. */
  hurry(): void {
    if (this.#destroyed || (this.#state !== "retrying" && this.#state !== "ended")) return;
    this.#backoff.reset();
    this.#later(0);
  }

  destroy(): void {
    this.#destroyed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#probe?.abort();
    const video = this.#video;
    document.removeEventListener("visibilitychange", this.#backInView);
    video.removeEventListener("playing", this.#playing);
    video.removeEventListener("timeupdate", this.#playing);
    video.removeEventListener("waiting", this.#waiting);
    video.removeEventListener("ended", this.#ended);
    video.removeEventListener("error", this.#nativeError);
    this.#hls?.destroy();
    this.#hls = undefined;
    video.removeAttribute("src");
  }

  #build(): void {
    this.#hls?.destroy();
    this.#hls = undefined;
    this.#moved = { at: performance.now(), time: -1 };
    if (Hls.isSupported()) {
      const hls = new Hls(config);
      this.#hls = hls;
      hls.on(Hls.Events.ERROR, (_, data) => this.#failed(hls, data));
      hls.loadSource(this.#url);
      hls.attachMedia(this.#video);
    } else if (this.#video.canPlayType("application/vnd.apple.mpegurl")) {
      this.#video.src = this.#url;
      this.#video.load();
    } else {
      this.#set("unsupported");
    }
  }

  #failed(hls: Hls, data: ErrorData): void {
    if (!data.fatal || hls !== this.#hls) return;
    const { ErrorTypes, ErrorDetails } = Hls;
    if (
      data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
      data.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR ||
      data.details === ErrorDetails.BUFFER_ADD_CODEC_ERROR
    ) {
      this.#set("unsupported");
      this.#later(15_000); // the encoder may change its mind
      return;
    }
    if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.#mediaRepair > 5_000) {
      this.#mediaRepair = performance.now();
      hls.recoverMediaError();
      return;
    }
    hls.stopLoad();
    this.#retry();
  }

  #nativeError = (): void => {
    if (!this.#hls && this.#video.hasAttribute("src")) this.#retry();
  };

  #playing = (): void => {
    if (this.#video.currentTime === this.#moved.time) return;
    this.#moved = { at: performance.now(), time: this.#video.currentTime };
    if (this.#state === "playing" || this.#timer !== undefined) return; // the buffer plays out while we retry
    this.#backoff.reset();
    this.#set("playing");
  };

  #ended = (): void => {
    this.#set("ended");
    this.#later(this.#backoff.next());
  };

  /** After a stall plays a little faster, hardly to be heard, until the delay is what it was. */
  #catchUp(): void {
    const video = this.#video;
    const { buffered, currentTime } = video;
    const ahead = buffered.length > 0 ? buffered.end(buffered.length - 1) - currentTime : 0;
    const late = this.latency - this.target;
    const fast = video.playbackRate > 1;
    const rate = ahead > CATCH_UP.ahead && late > (fast ? CATCH_UP.to : CATCH_UP.from) ? CATCH_UP.rate : 1;
    if (this.#hls && video.playbackRate !== rate) video.playbackRate = rate;
    if (performance.now() - this.#stalledAt > CALM) this.#forgetStalls();
  }

  #waiting = (): void => {
    this.#stalledAt = performance.now();
  };

  /** Wishes again for the place that the playlist recommends. */
  #forgetStalls(): void {
    const hls = this.#hls;
    const details = hls?.latestLevelDetails;
    const wish = details ? details.partHoldBack || details.holdBack : 0;
    if (hls && wish > 0 && (hls.targetLatency ?? 0) > wish + 0.01) hls.targetLatency = wish;
  }

  /** A page out of view falls behind; who comes back to it wants to see what is now. */
  #backInView = (): void => {
    if (document.visibilityState !== "visible") return;
    this.#moved.at = performance.now();
    if (this.#state === "playing" && !this.#video.paused && this.latency > this.target + FAR) this.goLive();
  };

  /** Pictures that should move and do not, with nobody saying why, are a failure, too. */
  #look(): void {
    const video = this.#video;
    if (this.#timer !== undefined || this.#probe || this.#state === "unsupported") return;
    if (video.paused || video.ended || document.visibilityState === "hidden") {
      this.#moved.at = performance.now();
      return;
    }
    const limit = this.#moved.time < 0 ? FIRST_PICTURE : STALLED;
    if (performance.now() - this.#moved.at > limit) this.#retry();
    else this.#catchUp();
  }

  #retry(): void {
    if (this.#timer !== undefined || this.#probe) return;
    this.#set("retrying");
    this.#later(this.#backoff.next());
  }

  #later(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), pause);
  }

  /** Asks for the playlist; rebuilds the player when there is one to play, else asks again later. */
  async #ask(): Promise<void> {
    const probe = new AbortController();
    this.#probe?.abort();
    this.#probe = probe;
    let there = false;
    let known = true;
    try {
      const limit = setTimeout(() => probe.abort(), 8_000);
      const response = await fetch(this.#url, { signal: probe.signal, cache: "no-store" });
      const text = response.ok ? await response.text() : "";
      clearTimeout(limit);
      there = text.startsWith("#EXTM3U") && !text.includes("#EXT-X-ENDLIST");
      known = Hls.isSupported() || canPlay(this.#video, text);
    } catch {
      // No answer: the same as no stream.
    }
    if (this.#destroyed || this.#probe !== probe) return;
    this.#probe = undefined;
    this.#timer = undefined;
    if (there && !known) {
      this.#set("unsupported");
      this.#later(15_000);
    } else if (there) {
      if (this.#state !== "retrying") this.#set("retrying");
      this.#build();
    } else {
      this.#later(this.#backoff.next());
    }
  }

  #set(state: PlaybackState): void {
    if (this.#destroyed || state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

/**
 * Whether the browser's own player knows all codecs that a multivariant playlist names (RFC 8216, section
 * 4.3.4.2). It does not say so itself: it fails as if the network had.
 */
export function canPlay(video: HTMLVideoElement, playlist: string): boolean {
  const codecs = /[:,]CODECS="([^"]+)"/.exec(playlist)?.[1];
  return codecs === undefined || video.canPlayType(`video/mp4; codecs="${codecs}"`) !== "";
}
