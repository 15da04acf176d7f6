import { type FormEvent, useRef, useState } from "react";
import { ApiError, errorWords } from "../../api/client";
import type { User } from "../../api/types";
import { Notice } from "../../ui/notice";
import { Spinner } from "../../ui/states";
import { registerPatiently } from "./attempt";
import { NameField, PasswordField } from "./fields";
import { type FieldErrors, passwordError, strength, suggestion, usernameError } from "./rules";

export function RegisterForm({ onDone }: { onDone: (user: User) => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState<FieldErrors>({});
  const [summary, setSummary] = useState("");
  const [phase, setPhase] = useState<"idle" | "working" | "slow">("idle");
  const nameInput = useRef<HTMLInputElement>(null);
  const passwordInput = useRef<HTMLInputElement>(null);

  const show = (found: FieldErrors, words: string) => {
    setErrors(found);
    setSummary(words);
    (found.username ? nameInput : found.password ? passwordInput : undefined)?.current?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (phase !== "idle") return;
    const found = withoutEmpty({ username: usernameError(username), password: passwordError(password) });
    const many = Object.keys(found).length;
    if (many > 0) {
      show(found, many === 1 ? "One thing needs another look." : "Two things need another look.");
      return;
    }
    show({}, "");
    setPhase("working");
    const slow = setTimeout(() => setPhase("slow"), 1500);
    try {
      const user = await registerPatiently(username, password, () => setPhase("slow"));
      onDone(user);
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
      show(withoutEmpty({ username: error.fields["username"], password: error.fields["password"] }), error.message);
      setPhase("idle");
    } finally {
      clearTimeout(slow);
    }
  };

  const better = errors.username ? suggestion(username) : undefined;
  const strong = strength(password, username);
  return (
    <form className="stack stack-4" noValidate onSubmit={submit}>
      <div>
        <h1 className="t40">On air in a minute.</h1>
        <p className="t16 soft auth-lead">A name and a password. Your channel and its chat room are ready when you are.</p>
      </div>
      {summary ? (
        <Notice kind="bad" alert>
          <b className="b">Not created yet.</b> {summary}
        </Notice>
      ) : null}
      <NameField
        ref={nameInput}
        label="Username"
        autoComplete="username"
        value={username}
        onChange={(value) => {
          setUsername(value);
          if (errors.username) setErrors((now) => withoutEmpty({ ...now, username: usernameError(value) }));
        }}
        onBlur={() => {
          if (username) setErrors((now) => withoutEmpty({ ...now, username: usernameError(username) ?? now.username }));
        }}
        error={errors.username}
        remedy={
          better ? (
            <button
              type="button"
              className="link b"
              onClick={() => {
                setUsername(better);
                setErrors((now) => withoutEmpty({ ...now, username: undefined }));
                nameInput.current?.focus();
              }}
            >
              Use {better}
            </button>
          ) : null
        }
        help="3 to 32 letters, digits, hyphens or underscores. It becomes your channel’s address."
      />
      <PasswordField
        ref={passwordInput}
        label="Password"
        autoComplete="new-password"
        value={password}
        onChange={(value) => {
          setPassword(value);
          if (errors.password) setErrors((now) => withoutEmpty({ ...now, password: passwordError(value) }));
        }}
        error={errors.password}
        help={
          <>
            {strong.word ? <b className="b">{strong.word} </b> : null}
            {strong.advice}
          </>
        }
      >
        <div className="meter" data-bars={strong.bars} aria-hidden="true">
          <i />
          <i />
          <i />
          <i />
        </div>
      </PasswordField>
      <button type="submit" className="btn btn-primary btn-lg" aria-disabled={phase !== "idle"}>
        {phase === "idle" ? (
          "Create channel"
        ) : (
          <>
            <Spinner label="Working:" />
            {phase === "slow" ? "Setting up your channel and chat…" : "Creating…"}
          </>
        )}
      </button>
    </form>
  );
}

function withoutEmpty(errors: { username?: string | undefined; password?: string | undefined }): FieldErrors {
  return {
    ...(errors.username ? { username: errors.username } : {}),
    ...(errors.password ? { password: errors.password } : {}),
  };
}
