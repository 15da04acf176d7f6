import { Link } from "../../router/router";
import { Mark } from "../../ui/marks";

export function Home() {
  return (
    <Link className="brand" href="/dashboard" aria-label="Back to the dashboard">
      <Mark />
    </Link>
  );
}
