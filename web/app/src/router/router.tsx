import { type AnchorHTMLAttributes, type MouseEvent, useEffect, useSyncExternalStore } from "react";

/** The address within the app: path and query. The pages are few, so the router is, too. */

const listeners = new Set<() => void>();
const tell = () => {
  for (const told of listeners) told();
};

function subscribe(told: () => void): () => void {
  if (listeners.size === 0) addEventListener("popstate", tell);
  listeners.add(told);
  return () => {
    listeners.delete(told);
    if (listeners.size === 0) removeEventListener("popstate", tell);
  };
}

const here = () => location.pathname + location.search;

export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, here), location.origin);
}

/** Goes to another page of the app; `replace` leaves no step back. */
export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const before = location.pathname;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  tell();
  if (before !== location.pathname) {
    scrollTo(0, 0);
    // Screen readers and the tab key start at the new page, as they would after a load.
    requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
  }
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
