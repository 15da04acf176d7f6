import { SunMoon } from "lucide-react";
import { type ComponentType, type ReactElement, type ReactNode, useEffect, useState } from "react";
import type { User } from "../api/types";
import { Link, useAddress } from "../router/router";
import { useAccount } from "../session/session";
import { Avatar, Mark } from "../ui/marks";
import type { LateMenuProps } from "./BarMenus";

export function Brand({ wordless = false }: { wordless?: boolean }) {
  return (
    <Link className="brand" href="/" aria-label="StreamCat home">
      <Mark />
      <span className={wordless ? "not-phone" : undefined}>StreamCat</span>
    </Link>
  );
}

/** The top bar: where you are, the theme, and you. */
export function Bar({ extra }: { extra?: ReactNode }) {
  const { pathname } = useAddress();
  const { user } = useAccount();
  const here = (path: string) => (pathname === path ? ("page" as const) : undefined);
  return (
    <header className="bar">
      <Brand wordless />
      <nav className="nav" aria-label="Main">
        <Link href="/" aria-current={here("/")}>
          Home
        </Link>
        {user ? (
          <>
            <Link href={`/c/${user.username}`} aria-current={here(`/c/${user.username}`)}>
              Your channel
            </Link>
            <Link href="/dashboard" aria-current={here("/dashboard")}>
              Dashboard
            </Link>
            <Link href="/studio" aria-current={here("/studio")}>
              Studio
            </Link>
          </>
        ) : null}
      </nav>
      <span className="grow" />
      {extra}
      <div className="bar-you">
        <ThemeButton />
        {user === undefined ? <span className="bar-wait" /> : user ? <YouButton user={user} /> : <Entrance />}
      </div>
    </header>
  );
}

function Entrance() {
  return (
    <>
      <Link className="btn btn-ghost" href="/signin">
        Sign in
      </Link>
      <Link className="btn not-phone" href="/register">
        Create a channel
      </Link>
    </>
  );
}

export function ThemeButton() {
  const menu = useLateMenu((menus) => menus.ThemeMenu);
  return menu(
    <button type="button" className="btn btn-ghost btn-icon" aria-label="Theme">
      <SunMoon className="i" />
    </button>,
  );
}

function YouButton({ user }: { user: User }) {
  const menu = useLateMenu((menus) => menus.AccountMenu);
  return menu(
    <button type="button" className="you" aria-label={`Your account: ${user.username}`}>
      <Avatar name={user.username} />
    </button>,
    { user },
  );
}

type Menus = typeof import("./BarMenus");

/**
 * Menus are not needed for the first picture: their code comes when the page has time, or with the
 * first press. Until then the trigger stands alone, with the same size and name.
 */
function useLateMenu<P extends object>(pick: (menus: Menus) => ComponentType<LateMenuProps & P>) {
  const [Late, setLate] = useState<ComponentType<LateMenuProps & P>>();
  const [open, setOpen] = useState(false);
  const load = () => import("./BarMenus").then((menus) => setLate(() => pick(menus)));
  useEffect(() => {
    const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 1500));
    const id = idle(() => void load());
    return () => (window.cancelIdleCallback ?? clearTimeout)(id);
    // The pick never changes for one button.
  }, []);
  return (trigger: ReactElement<{ onClick?: () => void }>, props?: P) => {
    if (Late) return <Late {...((props ?? {}) as P)} trigger={trigger} open={open} onOpenChange={setOpen} />;
    const press = () => {
      setOpen(true);
      void load();
    };
    return <span onClickCapture={press}>{trigger}</span>;
  };
}
