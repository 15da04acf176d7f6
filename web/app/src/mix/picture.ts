/** One source's moving picture: a video element that nobody sees, from which tiles are drawn. */
export class Picture {
  readonly #onFrame: () => void;
  #track: MediaStreamTrack | undefined;
  #shown: HTMLVideoElement | undefined;
  #coming: HTMLVideoElement | undefined;

  constructor(onFrame: () => void) {
    this.#onFrame = onFrame;
  }

  /** What can be drawn now: the last frame of the old track, until the new one has its first. */
  get video(): HTMLVideoElement | undefined {
    const video = this.#shown;
    return video && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0 ? video : undefined;
  }

  set(track: MediaStreamTrack | undefined): void {
    if (track === this.#track) return;
    this.#track = track;
    this.#coming = release(this.#coming);
    if (!track) {
      this.#shown = release(this.#shown);
      return;
    }
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.srcObject = new MediaStream([track]);
    const play = () => {
      if (video.srcObject) void video.play().catch(() => undefined);
    };
    video.onpause = play; // browsers pause what they think is unseen
    video.onloadeddata = () => {
      if (video !== this.#coming) return;
      release(this.#shown);
      this.#shown = video;
      this.#coming = undefined;
    };
    this.#coming = video;
    play();
    this.#follow(video);
  }

  close(): void {
    this.set(undefined);
  }

  #follow(video: HTMLVideoElement): void {
    const next = () => {
      if (!video.srcObject) return;
      this.#onFrame();
      video.requestVideoFrameCallback(next);
    };
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
  }
}

function release(video: HTMLVideoElement | undefined): undefined {
  if (!video) return;
  video.onpause = video.onloadeddata = null;
  video.pause();
  video.srcObject = null;
}
