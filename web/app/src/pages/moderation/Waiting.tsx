import type { ApiError } from "../../api/client";
import { Notice } from "../../ui/notice";

/** In the place of a list that is not there: on its way, or not to be had. */
export function Waiting({ error, retry }: { error: ApiError | undefined; retry: () => void }) {
  if (!error)
    return (
      <div className="stack">
        <span className="sk sk-line sk-w60" />
        <span className="sk sk-line sk-w40" />
        <span className="sr" role="status">
          Loading
        </span>
      </div>
    );
  return (
    <Notice kind="bad" alert>
      {error.message}{" "}
      <button type="button" className="link under" onClick={retry}>
        Try again
      </button>
    </Notice>
  );
}
