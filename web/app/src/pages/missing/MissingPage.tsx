import { Unplug } from "lucide-react";
import { Link, useTitle } from "../../router/router";
import { Shell } from "../../shell/Shell";
import { Empty } from "../../ui/states";

export default function MissingPage() {
  useTitle("Page not found");
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="sr">Page not found</h1>
        <Empty icon={<Unplug className="i i-lg" />} title="There is nothing at this address">
          <p className="t13">The link may be old or misspelt. Live channels are all on the home page.</p>
          <Link className="btn btn-primary" href="/">
            Go to the home page
          </Link>
        </Empty>
      </main>
    </Shell>
  );
}
