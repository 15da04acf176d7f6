import type { Dashboard } from "../../api/types";
import { Dialog } from "../../ui/dialog";
import { TitleForm } from "../dashboard/TitleForm";

interface EditProps {
  data: Dashboard;
  onClose: () => void;
  onSaved: (saved: Dashboard) => void;
}

export function EditDialog({ data, onClose, onSaved }: EditProps) {
  const saved = (now: Dashboard) => {
    onSaved(now);
    onClose();
  };
  return (
    <Dialog title="Title and category" onClose={onClose}>
      <div className="gl-edit">
        <TitleForm data={data} onSaved={saved} onCancel={onClose} />
      </div>
    </Dialog>
  );
}

interface EndProps {
  title: string;
  words: string;
  stay: string;
  go: string;
  onStay: () => void;
  onGo: () => void;
}

/** Asked before something on air is cut off. */
export function EndDialog({ title, words, stay, go, onStay, onGo }: EndProps) {
  return (
    <Dialog title={title} onClose={onStay}>
      <p className="soft">{words}</p>
      <div className="actions">
        <button type="button" className="btn btn-ghost" onClick={onStay}>
          {stay}
        </button>
        <button type="button" className="btn btn-live" onClick={onGo}>
          {go}
        </button>
      </div>
    </Dialog>
  );
}
