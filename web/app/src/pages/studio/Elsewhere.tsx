import { MonitorUp, UserX } from "lucide-react";
import { Link } from "../../router/router";
import { Shell } from "../../shell/Shell";
import { Empty } from "../../ui/states";

/** The host's seat is taken, or gone: said instead of the studio. */
export function Elsewhere({ why, onAgain }: { why: "removed" | "deleted" | "elsewhere"; onAgain: () => void }) {
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1} role="alert" data-gone={why}>
        <h1 className="sr">Studio</h1>
        {why === "elsewhere" ? (
          <Empty icon={<MonitorUp className="i i-lg" />} title="Your studio is open elsewhere">
            <p className="t13">You went on stage in another tab or on another device, and only one can be you.</p>
            <button type="button" className="btn btn-primary" onClick={onAgain}>
              Use it here
            </button>
          </Empty>
        ) : (
          <Empty
            icon={<UserX className="i i-lg" />}
            title={why === "deleted" ? "Your stage is gone" : "Your seat was taken back"}
          >
            <p className="t13">
              {why === "deleted"
                ? "It was deleted on the video service. The operator of this site can make a new one."
                : "Somebody disconnected you on the video service. Open the studio again for a new seat."}
            </p>
            {why === "removed" ? (
              <button type="button" className="btn btn-primary" onClick={onAgain}>
                Open the studio again
              </button>
            ) : (
              <Link className="btn btn-primary" href="/dashboard">
                Go to the dashboard
              </Link>
            )}
          </Empty>
        )}
      </main>
    </Shell>
  );
}
