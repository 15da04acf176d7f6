import { RotateCw, TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Empty } from "../ui/states";

/** Catches what a page throws, so that a fault in one page is a sentence and not a white screen. */
export class Mishap extends Component<{ at: string; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate(before: { at: string }) {
    if (before.at !== this.props.at && this.state.failed) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main id="main" className="page" tabIndex={-1} role="alert">
        <Empty icon={<TriangleAlert className="i i-lg" />} title="This page stopped working">
          <p className="t13">The fault is ours. Loading it again usually helps.</p>
          <button type="button" className="btn btn-primary" onClick={() => location.reload()}>
            <RotateCw className="i" />
            Load again
          </button>
        </Empty>
      </main>
    );
  }
}
