import { Shell } from "../../shell/Shell";

export default function StudioPage() {
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="t28">Studio</h1>
      </main>
    </Shell>
  );
}
