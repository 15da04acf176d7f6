/** One of the sizes in which a picture is published, as we may receive it. */
export interface StageStreamLayer {
  /** What the publisher calls it; none other of the stream is called so. */
  readonly label: string;
  /** What it takes, bit/s. */
  readonly bitrateBps: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Whether this is what comes. */
  readonly selected: boolean;
}

/** Why another layer comes. */
export const StageStreamLayerSelectedReason = {
  /** It is preferred, or the network has room for it. */
  SELECTED: "selected",
  /** The one before is not published any more. */
  UNAVAILABLE: "unavailable",
} as const;
export type StageStreamLayerSelectedReason =
  (typeof StageStreamLayerSelectedReason)[keyof typeof StageStreamLayerSelectedReason];

/** What a picture begins with that is published in several sizes. */
export const InitialLayerPreference = {
  /** The smallest, which is there the soonest. */
  LOWEST_QUALITY: "lowest_quality",
  /** The largest: for three seconds even where it is not known that the network has room for it. */
  HIGHEST_QUALITY: "highest_quality",
} as const;
export type InitialLayerPreference = (typeof InitialLayerPreference)[keyof typeof InitialLayerPreference];

export const RemoteStageStreamEvents = {
  LAYERS_CHANGED: "layersChanged",
  LAYER_SELECTED: "layerSelected",
  ADAPTION_CHANGED: "adaptionChanged",
} as const;
export type RemoteStageStreamEvents = (typeof RemoteStageStreamEvents)[keyof typeof RemoteStageStreamEvents];

/** What listeners of a remote stream are given. */
export interface RemoteStageStreamEventPayloads {
  layersChanged: [layers: StageStreamLayer[]];
  layerSelected: [layer: StageStreamLayer, reason: StageStreamLayerSelectedReason];
  adaptionChanged: [isAdapting: boolean];
}
