import { type ReactNode, Suspense, lazy } from "react";
import { useAddress } from "./router/router";
import { SessionProvider } from "./session/session";
import { Mishap } from "./shell/Mishap";
import { Shell } from "./shell/Shell";
import { HomePage } from "./pages/home/HomePage";

// Home is in the first file; the others come when somebody goes there.
const ChannelPage = lazy(() => import("./pages/channel/ChannelPage"));
const DashboardPage = lazy(() => import("./pages/dashboard/DashboardPage"));
const GoLivePage = lazy(() => import("./pages/golive/GoLivePage"));
const StudioPage = lazy(() => import("./pages/studio/StudioPage"));
const JoinPage = lazy(() => import("./pages/join/JoinPage"));
const RealTimePage = lazy(() => import("./pages/realtime/RealTimePage"));
const CheckPage = lazy(() => import("./pages/check/CheckPage"));
const ModerationPage = lazy(() => import("./pages/moderation/ModerationPage"));
const AccountPage = lazy(() => import("./pages/account/AccountPage"));
const MissingPage = lazy(() => import("./pages/missing/MissingPage"));

export function App() {
  const { pathname } = useAddress();
  return (
    <SessionProvider>
      <Mishap at={pathname}>
        <Suspense fallback={<Waiting />}>{page(pathname)}</Suspense>
      </Mishap>
    </SessionProvider>
  );
}

function page(pathname: string): ReactNode {
  if (pathname === "/") return <HomePage />;
  if (pathname === "/register") return <AccountPage mode="register" />;
  if (pathname === "/signin") return <AccountPage mode="signin" />;
  if (pathname === "/dashboard") return <DashboardPage />;
  if (pathname === "/golive") return <GoLivePage />;
  if (pathname === "/studio") return <StudioPage />;
  if (pathname === "/check") return <CheckPage />;
  const channel = /^\/c\/([^/]+)(?:\/(join|realtime|moderation))?\/?$/.exec(pathname);
  if (channel) {
    const username = decode(channel[1]!);
    const Page = { join: JoinPage, realtime: RealTimePage, moderation: ModerationPage }[channel[2] ?? ""] ?? ChannelPage;
    return <Page key={username} username={username} />;
  }
  return <MissingPage />;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Waiting() {
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1} aria-busy="true" />
    </Shell>
  );
}
