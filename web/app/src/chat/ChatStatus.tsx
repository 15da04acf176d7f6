import { LogIn } from "lucide-react";
import { Notice } from "../ui/notice";
import { sentence } from "../api/client";
import type { ConnectionState } from "./connection";
import { type Order, span } from "./order";

/** Says, above the composer, when the chat is not as it should be. */
export function ChatStatus({ state, ban, onRejoin }: { state: ConnectionState; ban: Order["ban"]; onRejoin: () => void }) {
  return (
    <div className="chat-status" role="status">
      {state.name === "waiting" ? (
        <div className="sys">
          <span className="spin" aria-hidden="true" />
          Connection lost. Joining again…
        </div>
      ) : state.name === "refused" ? (
        <Notice kind="warn">
          <b className="b">Chat is not open to you now.</b> {state.message}
        </Notice>
      ) : state.name === "removed" && ban ? (
        <Notice kind="warn">
          <b className="b">You are banned from this chat{ban.seconds ? ` for ${span(ban.seconds)}` : ""}.</b>{" "}
          {ban.reason ? `${sentence(ban.reason)} ` : null}The picture goes on.
        </Notice>
      ) : state.name === "removed" ? (
        <Notice kind="warn">
          <b className="b">You were disconnected from this chat.</b>{" "}
          {state.reason ? `${state.reason.replace(/\.$/, "")}. ` : null}
          The picture goes on.
          <div className="row">
            <button type="button" className="btn btn-sm" onClick={onRejoin}>
              <LogIn className="i i-sm" />
              Join again
            </button>
          </div>
        </Notice>
      ) : null}
    </div>
  );
}
