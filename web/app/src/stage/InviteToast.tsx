import { UserPlus, X } from "lucide-react";
import { Link } from "../router/router";
import { useNow } from "../ui/marks";
import { type Invite, checkPath, endsIn, joinPath } from "./invitation";
import type { Invited } from "./useInvite";
import "./invite.css";

/** Says to the one invited that they are, wherever they look on the page. */
export function InviteToast({ invite, dismissed, dismiss }: Invited) {
  return (
    <div className="toasts" role="status" aria-label="Invitation">
      {invite && !dismissed ? <Toast invite={invite} onDismiss={dismiss} /> : null}
    </div>
  );
}

function Toast({ invite, onDismiss }: { invite: Invite; onDismiss: () => void }) {
  return (
    <div className="toast" data-invitation={invite.id}>
      <UserPlus className="i" />
      <div className="grow">
        <p>
          <b className="b">{invite.host} invites you to the stage</b>
        </p>
        <p className="small muted num">
          Be seen and heard there. <Ends at={invite.expiresAt} />.
        </p>
        <div className="row wrap">
          <Link className="btn btn-primary btn-sm" href={joinPath(invite)}>
            Join the stage
          </Link>
          <Link className="btn btn-ghost btn-sm" href={checkPath(joinPath(invite), invite.channel)}>
            Check first
          </Link>
        </div>
      </div>
      <button type="button" className="btn btn-ghost btn-icon btn-sm" aria-label="Dismiss" onClick={onDismiss}>
        <X className="i i-sm" />
      </button>
    </div>
  );
}

/** The seconds are for the eye: read aloud, they would never end. */
function Ends({ at }: { at: number }) {
  return <span aria-hidden="true">{endsIn(at, useNow())}</span>;
}

/** The same in the page's bar, for as long as the invitation stands. */
export function InviteLink({ invite }: { invite: Invite | undefined }) {
  if (!invite) return null;
  return (
    <Link className="btn btn-soft bar-invite" href={joinPath(invite)} data-invitation={invite.id}>
      <UserPlus className="i" />
      <span>
        Join<span className="not-phone"> the stage</span>
      </span>
    </Link>
  );
}
