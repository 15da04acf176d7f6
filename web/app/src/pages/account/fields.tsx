import { CircleAlert, Eye, EyeOff } from "lucide-react";
import { type ReactNode, type Ref, useId, useState } from "react";

interface FieldProps {
  label: string;
  error: string | undefined;
  help?: ReactNode;
  /** Stands with the error: a way out of it. */
  remedy?: ReactNode;
  value: string;
  onChange: (value: string) => void;
  onBlur?: () => void;
  autoComplete: string;
  ref: Ref<HTMLInputElement>;
}

export function NameField({ label, error, remedy, help, value, onChange, onBlur, autoComplete, ref }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        ref={ref}
        id={id}
        name="username"
        className="input input-lg"
        value={value}
        autoComplete={autoComplete}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={`${id}-help`}
        onChange={(event) => onChange(event.target.value)}
        onBlur={onBlur}
      />
      <Below id={`${id}-help`} error={error} remedy={remedy} help={help} />
    </div>
  );
}

export function PasswordField({
  label,
  error,
  help,
  value,
  onChange,
  onBlur,
  autoComplete,
  ref,
  children,
}: FieldProps & { children?: ReactNode }) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="in-wrap">
        <input
          ref={ref}
          id={id}
          name="password"
          className="input input-lg"
          type={shown ? "text" : "password"}
          value={value}
          autoComplete={autoComplete}
          aria-invalid={error ? true : undefined}
          aria-describedby={`${id}-help`}
          onChange={(event) => onChange(event.target.value)}
          onBlur={onBlur}
        />
        <span className="in-end">
          <button
            type="button"
            className="btn btn-ghost btn-icon"
            aria-label={shown ? "Hide password" : "Show password"}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOff className="i" /> : <Eye className="i" />}
          </button>
        </span>
      </div>
      {children}
      <Below id={`${id}-help`} error={error} help={help} />
    </div>
  );
}

function Below({ id, error, remedy, help }: { id: string; error: string | undefined; remedy?: ReactNode; help?: ReactNode }) {
  return (
    <span className={error ? "err" : "help"} id={id}>
      {error ? (
        <>
          <CircleAlert className="i" />
          <span>
            {error} {remedy}
          </span>
        </>
      ) : (
        help
      )}
    </span>
  );
}
