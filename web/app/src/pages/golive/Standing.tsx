import type { ReactNode } from "react";
import type { Dashboard } from "../../api/types";
import type { BroadcastView } from "../../broadcast/broadcast";
import { clock } from "../../ui/format";

interface Props {
  air: BroadcastView;
  data: Dashboard;
  asking: boolean;
  something: boolean;
  muted: boolean;
}

/** One line that says how things stand, in the same place whatever happens. */
export function Standing(props: Props) {
  const [tone, what, more] = sentences(props);
  return (
    <p className="gl-note" role="status">
      <span className={`dot gl-dot-${tone}`} aria-hidden="true" />
      <span className="gl-note-words">
        <b className="b">{what}</b> {more}
      </span>
    </p>
  );
}

type Tone = "off" | "wait" | "live" | "warn";

function sentences({ air, data, asking, something, muted }: Props): [Tone, string, ReactNode] {
  switch (air.state) {
    case "preparing":
      return ["wait", "Getting ready.", "Your stream key is fetched."];
    case "connecting":
      if (data.live && !air.mishap)
        return ["wait", "Connecting.", "Your channel is live from elsewhere still; waiting for that to end."];
      return ["wait", "Connecting.", air.mishap ? `${air.mishap.title}. ${air.mishap.text}` : "This takes a moment."];
    case "live":
      if (!data.live) return ["wait", "You are sending.", "Viewers see you in a few seconds."];
      if (muted) return ["warn", "You are live and muted.", "Viewers do not hear you."];
      return ["live", "You are live.", <ChannelLink key="link" path={data.channelPath} />];
    case "reconnecting":
      return ["warn", "The connection broke.", "Trying again by itself. Viewers stay, and see you again when it is back."];
    case "stopping":
      return ["wait", "Ending.", "Saying goodbye to the server."];
    case "failed":
      return ["off", "You are not live.", ""];
    case "off":
      if (air.lasted !== undefined) return ["off", "The broadcast has ended.", `You were on air for ${clock(air.lasted)}.`];
      if (data.live) return ["warn", "Your channel is live already,", "from an encoder or another tab. End that one first."];
      if (asking) return ["off", "Not live.", "Waiting for camera and microphone."];
      if (!something) return ["off", "Not live.", "It takes a camera, a microphone or a screen."];
      return ["off", "Not live.", "Nobody sees this yet."];
  }
}

function ChannelLink({ path }: { path: string }) {
  return (
    <a className="link" href={path} target="_blank" rel="noreferrer">
      Open your channel<span className="sr"> in another tab</span>
    </a>
  );
}
