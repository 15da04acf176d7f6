import type { OpenStage } from "./port";

const library = () => import("./client");

/** Fetches the library before it is needed: whoever comes back to a stage is missed there. */
export const prepareStage = (): void => void library().catch(() => undefined);

/** Opens a stage; the library comes when it is needed. */
export const openStage: OpenStage = async (token, events) => {
  const { openStage: open } = await library();
  return open(token, events);
};
