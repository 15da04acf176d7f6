import { type ReactNode, createContext, useCallback, useContext, useMemo } from "react";
import { api } from "../api/endpoints";
import { useResource } from "../api/resource";
import type { User } from "../api/types";

interface Account {
  /** Undefined until the server has said who this is. */
  user: User | null | undefined;
  signedIn: (user: User) => void;
  signOut: () => Promise<void>;
  /** For whoever met a 401: the server knows us no more, so nor do we. */
  forget: () => void;
}

const AccountContext = createContext<Account | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const { data, patch, reload } = useResource("session", api.session);
  const signedIn = useCallback(
    (user: User) => {
      patch((now) => ({ ...now, user }));
      reload(); // also when the first answer never came
    },
    [patch, reload],
  );
  const forget = useCallback(() => patch((now) => ({ ...now, user: null })), [patch]);
  const signOut = useCallback(async () => {
    await api.signOut();
    forget();
  }, [forget]);
  const value = useMemo(() => ({ user: data?.user, signedIn, signOut, forget }), [data, signedIn, signOut, forget]);
  return <AccountContext value={value}>{children}</AccountContext>;
}

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (!account) throw new Error("useAccount needs a SessionProvider above it");
  return account;
}
