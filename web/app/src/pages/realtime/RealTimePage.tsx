import { Shell } from "../../shell/Shell";

export default function RealTimePage({ username }: { username: string }) {
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="t28">{username}</h1>
      </main>
    </Shell>
  );
}
