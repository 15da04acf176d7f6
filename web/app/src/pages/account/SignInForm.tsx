import { type FormEvent, useRef, useState } from "react";
import { ApiError, errorWords } from "../../api/client";
import { api } from "../../api/endpoints";
import type { User } from "../../api/types";
import { Notice } from "../../ui/notice";
import { Spinner } from "../../ui/states";
import { attempt } from "./attempt";
import { NameField, PasswordField } from "./fields";

export function SignInForm({ onDone }: { onDone: (user: User) => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState({ username: false, password: false });
  const [trouble, setTrouble] = useState("");
  const [working, setWorking] = useState(false);
  const nameInput = useRef<HTMLInputElement>(null);
  const passwordInput = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (working) return;
    const empty = { username: username.trim() === "", password: password === "" };
    setMissing(empty);
    setTrouble("");
    if (empty.username || empty.password) {
      (empty.username ? nameInput : passwordInput).current?.focus();
      return;
    }
    setWorking(true);
    try {
      const { user } = await attempt(
        () => api.signIn(username.trim(), password),
        () => undefined,
      );
      onDone(user);
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
      setTrouble(error.status === 401 ? "Name and password do not match. Passwords are case-sensitive." : error.message);
      setWorking(false);
      passwordInput.current?.select();
    }
  };

  return (
    <form className="stack stack-4" noValidate onSubmit={submit}>
      <h1 className="t40">Welcome back.</h1>
      {trouble ? (
        <Notice kind="bad" alert>
          <b className="b">Not signed in.</b> {trouble}
        </Notice>
      ) : null}
      <NameField
        ref={nameInput}
        label="Username"
        autoComplete="username"
        value={username}
        onChange={setUsername}
        error={missing.username && username === "" ? "Your username goes here." : undefined}
      />
      <PasswordField
        ref={passwordInput}
        label="Password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
        error={missing.password && password === "" ? "Your password goes here." : undefined}
      />
      <button type="submit" className="btn btn-primary btn-lg" aria-disabled={working}>
        {working ? (
          <>
            <Spinner label="Working:" />
            Signing in…
          </>
        ) : (
          "Sign in"
        )}
      </button>
    </form>
  );
}
