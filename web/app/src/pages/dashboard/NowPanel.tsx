import { Suspense, lazy, useState } from "react";
import type { Dashboard } from "../../api/types";
import { LiveBadge, ViewersPlate } from "../../ui/marks";
import { TitleForm } from "./TitleForm";

const Preview = lazy(() => import("../../player/Preview"));

/** What viewers see: the picture, whether it is on air, and the words beside it. */
export function NowPanel({ data, onSaved }: { data: Dashboard; onSaved: (saved: Dashboard) => void }) {
  const [moving, setMoving] = useState(false);
  return (
    <section className="panel now" aria-labelledby="h-now">
      <h2 className="sr" id="h-now">
        What viewers see
      </h2>
      <div className="thumb">
        {data.live ? (
          <Suspense fallback={null}>
            <Preview username={data.username} onMoving={setMoving} />
          </Suspense>
        ) : null}
        {moving ? null : (
          <div className="now-wait">
            {data.live ? (
              <>
                <span className="spin" aria-hidden="true" />
                Getting the picture
              </>
            ) : data.realTime ? (
              "Viewers see you on the stage"
            ) : (
              "Your picture appears here"
            )}
          </div>
        )}
        <div className="tl" role="status">
          {data.live || data.realTime ? <LiveBadge /> : <span className="plate">OFFLINE</span>}
          {data.live || data.realTime ? <ViewersPlate viewers={data.viewers} /> : null}
        </div>
      </div>
      <TitleForm data={data} onSaved={onSaved} />
    </section>
  );
}
