import type { OpenStage } from "./port";

/**
 * Opens a stage; the library comes when it is needed. While the pages are worked on, the mock server's tokens
 * lead to a stage played in the tab: that code is not in what is shipped.
 */
export const openStage: OpenStage = async (token, events) => {
  if (import.meta.env.DEV && token.startsWith("mock.")) {
    const { openMockStage } = await import("../../dev/mock-stage.ts");
    return openMockStage(token, events);
  }
  const { openStage: open } = await import("./client");
  return open(token, events);
};
