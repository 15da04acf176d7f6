import { useEffect, useState } from "react";
import { useTitle } from "../../router/router";
import { WatchFrame } from "../channel/WatchFrame";
import { useChannel } from "../channel/useChannel";
import { RealTimePlayer } from "./RealTimePlayer";
import { RealTimeOff } from "./RealTimeOff";

/** The channel page without delay: the people on the stage, as they are. */
export default function RealTimePage({ username }: { username: string }) {
  const channel = useChannel(username);
  const { data } = channel;
  useTitle(data ? `${data.title} · ${data.username} in real time` : `${username} in real time`);
  // The stage may know before the feed that it is over; the feed decides when it begins anew.
  const since = data?.realTime ? (data.realTimeSince ?? "now") : undefined;
  const [over, setOver] = useState<string>();
  useEffect(() => {
    if (since === undefined) setOver(undefined);
  }, [since]);
  return (
    <WatchFrame
      username={username}
      channel={channel}
      way="realtime"
      picture={(now) =>
        since !== undefined && over !== since ? (
          <RealTimePlayer
            key={now.username}
            username={now.username}
            onOver={() => {
              setOver(since);
              channel.reload();
            }}
          />
        ) : (
          <RealTimeOff channel={now} />
        )
      }
    />
  );
}
