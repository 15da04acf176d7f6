import { ApiError, errorWords } from "../api/client";
import { api } from "../api/endpoints";
import type { ChatRoom, Line } from "./room";

/** What who keeps order in a chat can do; what fails is told between the lines. */
export interface Keeper {
  owner: boolean;
  remove: (line: Line) => void;
  pin: (line: Line) => void;
  unpin: () => void;
  timeOut: (line: Line, seconds: number) => void;
  /** Opens the question whether to ban. */
  askBan: (line: Line) => void;
}

/** A failure's words, whatever it was. */
export const why = (cause: unknown): string => (cause instanceof ApiError ? cause.message : errorWords(0));

export function keeperOf(channel: string, room: ChatRoom, owner: boolean, askBan: (line: Line) => void): Keeper {
  const ask = (failure: string, call: Promise<unknown>) => {
    call.catch((cause: unknown) => room.note(`${failure}. ${why(cause)}`));
  };
  const about = ({ id, userId, name, text }: Line) => ({ messageId: id, userId, name, content: text });
  return {
    owner,
    remove: (line) => ask(`Not deleted: ${line.name}’s message`, api.deleteMessage(channel, about(line))),
    pin: (line) => ask(`Not pinned: ${line.name}’s message`, api.pin(channel, about(line))),
    unpin: () => ask("Not unpinned", api.unpin(channel)),
    timeOut: ({ userId, name }, seconds) =>
      ask(`Not timed out: ${name}`, api.timeOut(channel, { userId, name, reason: "", seconds })),
    askBan,
  };
}
