import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

const kinds = { info: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleAlert };

/** A sentence that concerns the thing beside it: what is, then what to do. */
export function Notice({ kind, children, alert = false }: { kind: keyof typeof kinds; children: ReactNode; alert?: boolean }) {
  const Icon = kinds[kind];
  return (
    <div className={`notice notice-${kind}`} role={alert ? "alert" : undefined}>
      <Icon className="i" />
      <div className="grow">{children}</div>
    </div>
  );
}
