import { useCallback, useEffect, useState } from "react";
import { ApiError, errorWords } from "../../api/client";

interface Page<T> {
  items: T[];
  next: string;
}

export interface Pages<T> {
  /** Undefined until the first page is there. */
  items: T[] | undefined;
  error: ApiError | undefined;
  more: boolean;
  loading: boolean;
  loadMore: () => void;
  reload: () => void;
  drop: (gone: (item: T) => boolean) => void;
}

/** A list that comes in pages, the newest first. `load` must stay the same function. */
export function usePages<T>(load: (after: string) => Promise<Page<T>>): Pages<T> {
  const [state, setState] = useState<{ items?: T[]; next: string; error?: ApiError; loading: boolean }>({
    next: "",
    loading: true,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    const set = (next: typeof state) => {
      if (!over) setState(next);
    };
    load("").then(
      ({ items, next }) => set({ items, next, loading: false }),
      (cause: unknown) => set({ next: "", loading: false, error: errorOf(cause) }),
    );
    return () => {
      over = true;
    };
  }, [load, round]);
  const { items, next, error, loading } = state;
  const loadMore = async () => {
    if (loading) return;
    setState((now) => ({ ...now, loading: true }));
    try {
      const page = await load(next);
      setState((now) => ({ items: [...(now.items ?? []), ...page.items], next: page.next, loading: false }));
    } catch (cause) {
      setState((now) => ({ ...now, loading: false, error: errorOf(cause) }));
    }
  };
  return {
    items,
    error,
    loading,
    more: next !== "",
    loadMore: () => void loadMore(),
    reload: useCallback(() => setRound((n) => n + 1), []),
    drop: useCallback(
      (gone) => setState((now) => (now.items ? { ...now, items: now.items.filter((i) => !gone(i)) } : now)),
      [],
    ),
  };
}

export const errorOf = (cause: unknown): ApiError => (cause instanceof ApiError ? cause : new ApiError(0, errorWords(0)));
