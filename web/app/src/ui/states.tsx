import type { ReactNode } from "react";
import { CloudOff, RotateCw } from "lucide-react";
import type { ApiError } from "../api/client";

/** Nothing here (yet): what is, then what to do next. */
export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A page's data did not come. It is asked for again on its own if that can help. */
export function LoadFailed({ error, retry }: { error: ApiError; retry: () => void }) {
  return (
    <div role="alert">
      <Empty icon={<CloudOff className="i i-lg" />} title={error.passing ? "StreamCat is out of reach" : "This did not load"}>
        <p className="t13">
          {error.message} {error.passing ? "This page also tries again by itself." : null}
        </p>
        <button type="button" className="btn" onClick={retry}>
          <RotateCw className="i" />
          Try now
        </button>
      </Empty>
    </div>
  );
}

export function Spinner({ label }: { label: string }) {
  return (
    <>
      <span className="spin" aria-hidden="true" />
      <span className="sr">{label}</span>
    </>
  );
}
