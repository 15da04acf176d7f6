import { type ReactNode, createContext, useCallback, useContext, useMemo } from "react";
import { api } from "../api/endpoints";
import { useResource } from "../api/resource";
import type { User } from "../api/types";

interface Account {
  /** Undefined until the server has said who this is. */
  user: User | null | undefined;
  signedIn: (user: User) => void;
  signOut: () => Promise<void>;
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
  const signOut = useCallback(async () => {
    await api.signOut();
    patch((now) => ({ ...now, user: null }));
  }, [patch]);
  const value = useMemo(() => ({ user: data?.user, signedIn, signOut }), [data, signedIn, signOut]);
  return <AccountContext value={value}>{children}</AccountContext>;
}

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (!account) throw new Error("useAccount needs a SessionProvider above it");
  return account;
}
