import { Shell } from "../../shell/Shell";

export default function GoLivePage() {
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="t28">Go live</h1>
      </main>
    </Shell>
  );
}
