import { CircleAlert, RotateCw, VolumeX } from "lucide-react";
import { type ReactNode, useState } from "react";
import { HealthStrip, SecondWay } from "../broadcast/HealthStrip";
import type { Health } from "../broadcast/health";
import type { Layout } from "../mix/layout";
import { DeviceTroubles } from "../devices/DeviceTroubles";
import type { Devices, DevicesView } from "../devices/devices";
import { SkipLink } from "../shell/Shell";
import { Notice } from "../ui/notice";
import { DeviceBar } from "./DeviceBar";
import type { Levels } from "./levels";
import type { Person } from "./people";
import type { Line } from "./port";
import type { StageSession, StageView } from "./session";
import { Tiles } from "./Tiles";
import { useHealth } from "./useHealth";
import type { Sharing } from "./useOutgoing";
import "../player/player.css";
import "./desk.css";

interface Props {
  header: ReactNode;
  /** The rail at the left; not there for guests. */
  left?: ReactNode;
  right: ReactNode;
  /** The sentence above the picture. */
  note: ReactNode;
  /** What went wrong elsewhere, below the picture. */
  notices?: ReactNode;
  session: StageSession;
  view: StageView;
  people: readonly Person[];
  levels: Levels;
  /** Whose lines are to be marked. */
  lines: ReadonlyMap<string, Line>;
  layout: Layout;
  featured?: string | undefined;
  namePlates: boolean;
  screens: ReadonlySet<string>;
  onScreen: (person: Person, screen: boolean) => void;
  actions?: (person: Person) => ReactNode;
  /** Of the way to the channel; absent where there is none. */
  channelHealth?: readonly Health[] | undefined;
  devices: Devices;
  devicesView: DevicesView;
  sharing: Sharing;
  tools?: ReactNode;
}

/** The studio's table: the stage in the middle, what there is to set around it. The host's and the guests'. */
export function Desk(props: Props) {
  const { session, view, people, devices, devicesView, sharing } = props;
  const [silenced, setSilenced] = useState(false);
  const health = useHealth(() => session.stats());
  return (
    <>
      <SkipLink />
      {props.header}
      <div className={props.left ? "st" : "st st-guest"} data-stage={view.state.name} data-sending={view.sending}>
        {props.left}
        <main id="main" className="st-mid" tabIndex={-1}>
          {props.note}
          <div className="st-frame">
            <Tiles
              people={people}
              levels={props.levels}
              lines={props.lines}
              layout={props.layout}
              featured={props.featured}
              namePlates={props.namePlates}
              screens={props.screens}
              onScreen={props.onScreen}
              silent={silenced}
              onSilenced={() => setSilenced(true)}
              {...(props.actions ? { actions: props.actions } : {})}
            >
              <StageCurtain view={view} />
              {silenced ? (
                <button type="button" className="unmute" onClick={() => setSilenced(false)}>
                  <VolumeX className="i" />
                  Turn sound on
                </button>
              ) : null}
            </Tiles>
          </div>
          <HealthStrip health={health}>
            {props.channelHealth ? <SecondWay name="To the channel" health={props.channelHealth} /> : null}
          </HealthStrip>
          <div className="st-notices">
            {props.notices}
            {view.sending === "failed" ? (
              <Notice kind="bad" alert>
                <div className="st-trouble">
                  <p>
                    <b className="b">Others do not see you.</b> {sendingWords(view.sendingTrouble?.code)}
                  </p>
                  <button type="button" className="btn btn-sm" onClick={() => session.again()}>
                    <RotateCw className="i i-sm" />
                    Try again
                  </button>
                </div>
              </Notice>
            ) : null}
            {sharing.trouble ? (
              <Notice kind="warn" alert>
                {sharing.trouble}
              </Notice>
            ) : null}
            <DeviceTroubles devices={devices} view={devicesView} />
          </div>
          <DeviceBar devices={devices} view={devicesView} sharing={sharing}>
            {props.tools}
          </DeviceBar>
        </main>
        <aside className="st-right" aria-label="People and chat">
          {props.right}
        </aside>
      </div>
    </>
  );
}

function sendingWords(code: string | undefined): string {
  switch (code) {
    case "CODEC_MISMATCH":
      return "This browser sends no H.264 video. Chrome, Edge, Safari and Firefox do, if the system lets them.";
    case "STAGE_AT_CAPACITY":
      return "The stage has all the people it can take. Somebody has to leave first.";
    case "TOKEN_NOT_ALLOWED":
      return "Your seat does not allow it. Load the page again for a new one.";
    default:
      return "Picture and sound did not reach the server. Check your network, or a firewall that blocks WebRTC.";
  }
}

/** Over the picture while the stage is not as it should be. */
function StageCurtain({ view }: { view: StageView }) {
  const { state } = view;
  if (state.name === "on" || state.name === "idle" || state.name === "gone") return null;
  if (state.name === "failed")
    return (
      <div className="curtain" role="alert">
        <CircleAlert className="i i-lg" />
        <b className="b">You are not on the stage</b>
        <span className="t13">{state.message}</span>
        <button type="button" className="btn st-again" onClick={() => location.reload()}>
          <RotateCw className="i" />
          Load again
        </button>
      </div>
    );
  return (
    <div className="curtain" role="status">
      <span className="spin" aria-hidden="true" />
      <b className="b">{state.name === "back" ? "Connection lost. Coming back…" : "Going to the stage…"}</b>
      {state.trouble ? <span className="t13">{state.trouble}</span> : null}
    </div>
  );
}
