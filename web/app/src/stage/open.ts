import type { OpenStage } from "./port";

/** Opens a stage; the library comes when it is needed. */
export const openStage: OpenStage = async (token, events) => {
  const { openStage: open } = await import("./client");
  return open(token, events);
};
