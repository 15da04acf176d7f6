import { type AnchorHTMLAttributes, type MouseEvent, useEffect, useState, useSyncExternalStore } from "react";

/** The address within the app: path and query. The pages are few, so the router is, too. */

const listeners = new Set<() => void>();
const tell = () => {
  for (const told of listeners) told();
};

function subscribe(told: () => void): () => void {
  if (listeners.size === 0) addEventListener("popstate", popped);
  listeners.add(told);
  return () => {
    listeners.delete(told);
    if (listeners.size === 0) removeEventListener("popstate", popped);
  };
}

const here = () => location.pathname + location.search;

/** The page that wants to be asked before it is left. */
let guard: { at: string; ask: (to: string) => void } | undefined;

/** Back and forward have happened when we hear of them: an unanswered question puts the page back. */
function popped(): void {
  if (guard && location.pathname !== new URL(guard.at, location.origin).pathname) {
    const to = here();
    history.pushState(null, "", guard.at);
    guard.ask(to);
  } else tell();
}

export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, here), location.origin);
}

/** Goes to another page of the app; `replace` leaves no step back. */
export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const before = location.pathname;
  if (guard && new URL(to, location.origin).pathname !== before) {
    guard.ask(to);
    return;
  }
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  tell();
  if (before !== location.pathname) {
    scrollTo(0, 0);
    // Screen readers and the tab key start at the new page, as they would after a load.
    requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
  }
}

export interface Leaving {
  /** Where somebody wants to go, while that is asked. */
  to: string | undefined;
  stay: () => void;
  leave: () => void;
}

/**
 * While `active`, nobody leaves the page without being asked: links and back show up as `to` for the page's own
 * question; closing the tab or loading anew is asked about by the browser.
 */
export function useLeaving(active: boolean): Leaving {
  const [to, setTo] = useState<string>();
  useEffect(() => {
    if (!active) return;
    const mine = { at: here(), ask: setTo };
    const closing = (event: BeforeUnloadEvent) => event.preventDefault();
    guard = mine;
    addEventListener("beforeunload", closing);
    return () => {
      if (guard === mine) guard = undefined;
      removeEventListener("beforeunload", closing);
      setTo(undefined);
    };
  }, [active]);
  return {
    to,
    stay: () => setTo(undefined),
    leave: () => {
      guard = undefined;
      if (to !== undefined) go(to);
    },
  };
}

/** A path of this app taken from outside (`?next=`); anything else becomes `instead`. */
export function safePath(path: string | null, instead: string): string {
  if (!path || !path.startsWith("/") || path.startsWith("//") || path.includes("\\")) return instead;
  const url = new URL(path, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : instead;
}

export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain || rest.target) return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}

/** Names the page in the tab and for screen readers. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "StreamCat" : `${title} · StreamCat`;
  }, [title]);
}
