import { CircleAlert } from "lucide-react";
import { type FormEvent, useState } from "react";
import { ApiError, errorWords } from "../../api/client";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Dashboard } from "../../api/types";
import { useAccount } from "../../session/session";
import { points } from "../../ui/format";
import { Spinner } from "../../ui/states";

const LIMIT = 140;

interface Props {
  data: Dashboard;
  onSaved: (saved: Dashboard) => void;
  /** Where the form can be left without saving. */
  onCancel?: () => void;
}

export function TitleForm({ data, onSaved, onCancel }: Props) {
  const { forget } = useAccount();
  const { data: shelves } = useResource("categories", api.categories);
  const [title, setTitle] = useState(data.title);
  const [category, setCategory] = useState(data.category.id);
  const [state, setState] = useState<"idle" | "saving">("idle");
  const [trouble, setTrouble] = useState<{ title?: string; rest?: string }>({});
  const changed = title.trim() !== data.title || category !== data.category.id;
  const categories = shelves?.categories ?? [data.category];

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (state === "saving" || !changed) return;
    const length = points(title.trim());
    if (length === 0 || length > LIMIT) {
      setTrouble({ title: length === 0 ? "Give your stream a title." : `${length - LIMIT} characters too many.` });
      return;
    }
    setState("saving");
    setTrouble({});
    try {
      const saved = await api.saveDashboard({
        ...(title.trim() === data.title ? {} : { title: title.trim() }),
        ...(category === data.category.id ? {} : { categoryId: category }),
      });
      setTitle(saved.title);
      setCategory(saved.category.id);
      onSaved(saved);
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
      if (error.status === 401) forget();
      const own = error.fields["title"];
      setTrouble(own ? { title: own } : { rest: error.message });
    } finally {
      setState("idle");
    }
  };

  return (
    <form className="panel-pad stack stack-4" noValidate onSubmit={save}>
      <div className="field">
        <label htmlFor="title">Title</label>
        <input
          id="title"
          className="input"
          value={title}
          placeholder="What are you doing tonight?"
          aria-invalid={trouble.title ? true : undefined}
          aria-describedby="title-help"
          onChange={(event) => setTitle(event.target.value)}
        />
        <span id="title-help" className={trouble.title ? "err" : "help"} role={trouble.title ? "alert" : undefined}>
          {trouble.title ? (
            <>
              <CircleAlert className="i" />
              {trouble.title}
            </>
          ) : (
            `Up to ${LIMIT} characters.`
          )}
        </span>
      </div>
      <div className="field">
        <label htmlFor="category">Category</label>
        <select id="category" className="select" value={category} onChange={(event) => setCategory(event.target.value)}>
          {categories.map((c) => (
            <option key={c.id} value={c.id}>
              {c.name}
            </option>
          ))}
        </select>
      </div>
      <div className="row between">
        <span className={trouble.rest ? "small bad" : "small muted"} role="status">
          {trouble.rest ?? (changed ? "Not saved yet." : "Viewers see changes at once.")}
        </span>
        {onCancel ? (
          <button type="button" className="btn btn-ghost title-cancel" onClick={onCancel}>
            Cancel
          </button>
        ) : null}
        <button type="submit" className={changed ? "btn btn-primary" : "btn"} disabled={!changed}>
          {state === "saving" ? <Spinner label="Working:" /> : null}
          {state === "saving" ? "Saving" : changed ? "Save" : "Saved"}
        </button>
      </div>
    </form>
  );
}
