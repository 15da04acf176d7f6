import { PanelRightClose } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { api } from "../api/endpoints";
import { ChatComposer } from "./ChatComposer";
import { ChatLog } from "./ChatLog";
import { ChatStatus } from "./ChatStatus";
import { ChatRoom } from "./room";
import "./chat.css";

interface Props {
  channel: string;
  available: boolean;
  /** Whose session this is; another person gets another connection. */
  account: string | undefined;
  onHide: () => void;
}

export default function Chat({ channel, available, account, onHide }: Props) {
  const [room, setRoom] = useState<ChatRoom>();
  useEffect(() => {
    if (!available) return;
    const opened = new ChatRoom({ token: (signal) => api.chatToken(channel, signal) });
    opened.open();
    setRoom(opened);
    return () => {
      opened.close();
      setRoom(undefined);
    };
  }, [channel, available, account]);

  return (
    <aside className="chat" aria-label="Chat">
      <div className="chat-head">
        <h2>Chat</h2>
        <span className="grow" />
        <button type="button" className="btn btn-ghost btn-icon btn-sm chat-hide" aria-label="Hide chat" onClick={onHide}>
          <PanelRightClose className="i" />
        </button>
      </div>
      {room ? (
        <OpenChat room={room} channel={channel} guest={account === undefined} />
      ) : (
        <p className="chat-empty">{available ? "Joining the chat…" : "Chat is not available on this channel right now."}</p>
      )}
    </aside>
  );
}

function OpenChat({ room, channel, guest }: { room: ChatRoom; channel: string; guest: boolean }) {
  const view = useSyncExternalStore(room.subscribe, room.view);
  return (
    <>
      <ChatLog room={room} view={view} channel={channel} />
      <ChatStatus state={view.state} onRejoin={() => room.open()} />
      <ChatComposer view={view} guest={guest} onSend={(text) => room.send(text)} />
    </>
  );
}
