import { ArrowLeft } from "lucide-react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Checkup } from "../../check/checkup";
import { deviceRow } from "../../check/rows";
import type { Rows } from "../../check/verdict";
import { useDevices } from "../../devices/useDevices";
import { Link, safePath, useAddress, useTitle } from "../../router/router";
import { Shell } from "../../shell/Shell";
import { Findings } from "./Findings";
import { Look } from "./Look";
import { Outcome } from "./Outcome";
import "../../stage/greenroom.css";
import "./check.css";

/** Whether one could join a stage from here, found out before it matters. No account is needed. */
export default function CheckPage() {
  const { searchParams } = useAddress();
  const next = safePath(searchParams.get("next"), "");
  const [checkup] = useState(() => new Checkup(searchParams.get("channel") ?? undefined));
  const check = useSyncExternalStore(checkup.subscribe, checkup.view);
  const [begun, setBegun] = useState(false);
  const [devices, view] = useDevices({}, begun);
  const [heard, setHeard] = useState(false);
  useTitle("Check camera, microphone and line");

  // The line is measured with the person's own picture, so it waits for what becomes of the devices.
  const settled = useRef<((stream: MediaStream) => void) | undefined>(undefined);
  const ready = begun && view.state === "ready" && !view.camera.opening && !view.microphone.opening;
  useEffect(() => {
    if (ready) settled.current?.(view.stream);
  }, [ready, view.stream, check.state]);
  useEffect(() => () => checkup.stop(), [checkup]);
  const start = () => {
    setHeard(false);
    setBegun(true);
    void checkup.start(new Promise<MediaStream>((resolve) => (settled.current = resolve)));
  };
  const stop = () => {
    checkup.reset();
    setBegun(false);
  };

  const rows: Rows = useMemo(
    () => ({
      ...check.rows,
      camera: deviceRow("camera", view, heard),
      microphone: deviceRow("microphone", view, heard),
    }),
    [check.rows, view, heard],
  );
  return (
    <Shell tabs={false}>
      <main id="main" className="page chk" tabIndex={-1}>
        <header className="chk-head">
          {next ? (
            <Link className="link chk-back" href={next}>
              <ArrowLeft className="i i-sm" />
              Back
            </Link>
          ) : null}
          <h1 className="t28">Check before you join</h1>
          <p className="soft t16">Camera, microphone, and whether your line carries a stage.</p>
        </header>
        <Look devices={devices} view={view} begun={begun} onHeard={() => setHeard(true)} />
        <div className="chk-side">
          <Outcome state={check.state} rows={rows} next={next} onStart={start} onStop={stop} />
          <h2 className="sr">Tests</h2>
          <Findings rows={rows} />
        </div>
      </main>
    </Shell>
  );
}
