import { useEffect } from "react";
import harbor from "../../assets/harbor.svg";
import { Link, go, safePath, useAddress, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Brand, ThemeButton } from "../../shell/Bar";
import { SkipLink } from "../../shell/Shell";
import { Mark } from "../../ui/marks";
import { RegisterForm } from "./RegisterForm";
import { SignInForm } from "./SignInForm";
import "./account.css";

type Mode = "register" | "signin";

export default function AccountPage({ mode }: { mode: Mode }) {
  const address = useAddress();
  const { user, signedIn } = useAccount();
  useTitle(mode === "register" ? "Create a channel" : "Sign in");
  const next = safePath(address.searchParams.get("next"), "/dashboard");
  const query = address.search;

  useEffect(() => {
    if (user) go(next, { replace: true });
  }, [user, next]);

  return (
    <>
      <SkipLink />
      <div className="auth">
        <div className="auth-pic">
          <img src={harbor} alt="" />
          <Link className="brand" href="/">
            <Mark />
            StreamCat
          </Link>
        </div>
        <div className="auth-form">
          <header className="row between auth-top">
            <span className="auth-brand">
              <Brand wordless />
            </span>
            <span className="grow" />
            <Link className="link t13 m" href="/">
              Just watch, no account needed
            </Link>
            <ThemeButton />
          </header>
          <main id="main" className="auth-in" tabIndex={-1}>
            <nav className="seg" aria-label="Account">
              <Link href={`/register${query}`} aria-current={mode === "register" ? "page" : undefined}>
                Create a channel
              </Link>
              <Link href={`/signin${query}`} aria-current={mode === "signin" ? "page" : undefined}>
                Sign in
              </Link>
            </nav>
            {mode === "register" ? <RegisterForm onDone={signedIn} /> : <SignInForm onDone={signedIn} />}
          </main>
        </div>
      </div>
    </>
  );
}
