import { Clock, MicOff, UserMinus, VideoOff, X } from "lucide-react";
import type { ReactNode } from "react";
import type { Invitation } from "../api/types";
import { Avatar, useNow } from "../ui/marks";
import { endsIn, listed } from "./invitation";
import { type LineSaid, lineSaid } from "./lines";
import { type Person, isMuted, tileState } from "./people";
import type { Line } from "./port";

interface Props {
  people: readonly Person[];
  /** Whose lines are to be marked. */
  lines: ReadonlyMap<string, Line>;
  /** The host's alone. */
  invitations?: readonly Invitation[];
  onRemove?: (person: Person) => void;
  onWithdraw?: (invitation: Invitation) => void;
  head?: ReactNode;
  link?: ReactNode;
}

/** Who is on the stage, and who was asked to come. */
export function PeoplePanel({ people, lines, invitations, onRemove, onWithdraw, head, link }: Props) {
  return (
    <section className="people" aria-labelledby="h-people">
      <div className="st-h">
        <h2 id="h-people">People</h2>
        <span className="count num">{people.length} on stage</span>
        <span className="grow" />
        {head}
      </div>
      {link}
      <ul className="ppl-list" aria-label="On the stage">
        {people.map((person) => (
          <li
            key={person.id}
            className="ppl"
            data-participant={person.id}
            data-user={person.userId}
            data-state={tileState(person)}
          >
            <Avatar name={person.name} size={28} />
            <span className="grow">
              <b className="m clip1">{person.name}</b>
              <Words person={person} said={lineSaid(person, people, lines)} />
            </span>
            {isMuted(person) ? (
              <span className="ppl-sign">
                <MicOff className="i i-sm" />
                <span className="sr">Muted</span>
              </span>
            ) : null}
            {tileState(person) === "camera-off" ? (
              <span className="ppl-sign">
                <VideoOff className="i i-sm" />
                <span className="sr">Camera off</span>
              </span>
            ) : null}
            {onRemove && !person.local ? (
              <button
                type="button"
                className="btn btn-ghost btn-icon btn-sm"
                aria-label={`Remove ${person.name}`}
                title={`Remove ${person.name} from the stage`}
                onClick={() => onRemove(person)}
              >
                <UserMinus className="i i-sm" />
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {invitations && onWithdraw ? <Invited invitations={invitations} people={people} onWithdraw={onWithdraw} /> : null}
    </section>
  );
}

/** Their part, or what is wrong with their line: where there is no pointer, no title tells it. */
function Words({ person, said }: { person: Person; said: LineSaid | undefined }) {
  if (!said) return <span className="small muted clip1">{words(person)}</span>;
  return (
    <span className="small ppl-line clip1" title={said.long}>
      {said.short}
    </span>
  );
}

function words(person: Person): string {
  const role = person.host ? "Host" : "Guest";
  if (person.local) return `${role}, you`;
  return tileState(person) === "connecting" ? `${role}, joining` : role;
}

/** The latest few of those who did not come are enough. */
const PAST = 3;

interface InvitedProps {
  invitations: readonly Invitation[];
  people: readonly Person[];
  onWithdraw: (invitation: Invitation) => void;
}

function Invited({ invitations, people, onWithdraw }: InvitedProps) {
  const now = useNow();
  const all = listed(invitations, new Set(people.map((p) => p.id)), now);
  const waiting = all.filter((i) => i.state === "waiting");
  const shown = [...waiting, ...all.filter((i) => i.state !== "waiting").slice(0, PAST)];
  if (shown.length === 0) return null;
  return (
    <>
      <h3 className="sub">Invited {waiting.length > 0 ? <span className="count num">{waiting.length}</span> : null}</h3>
      <ul className="ppl-list">
        {shown.map((invitation) => (
          <li key={invitation.id} className="ppl" data-invitation={invitation.id} data-state={invitation.state}>
            <Avatar name={invitation.name} size={28} />
            <span className="grow">
              <b className="m clip1">{invitation.name}</b>
              <span className="small muted clip1 num">
                {invitation.state === "waiting"
                  ? endsIn(Date.parse(invitation.expiresAt), now)
                  : invitation.state === "removed"
                    ? "Removed from the stage"
                    : invitation.came
                      ? "Was here and left"
                      : "Did not come in time"}
              </span>
            </span>
            <span className={invitation.state === "waiting" ? "badge" : "badge badge-warn"}>
              {invitation.state === "waiting" ? <Clock className="i" /> : null}
              {invitation.state === "waiting" ? "Waiting" : invitation.state === "removed" ? "Removed" : "Expired"}
            </span>
            {invitation.state === "waiting" ? (
              <button
                type="button"
                className="btn btn-ghost btn-icon btn-sm"
                aria-label={`Withdraw the invitation of ${invitation.name}`}
                title="Withdraw"
                onClick={() => onWithdraw(invitation)}
              >
                <X className="i i-sm" />
              </button>
            ) : null}
          </li>
        ))}
      </ul>
    </>
  );
}
