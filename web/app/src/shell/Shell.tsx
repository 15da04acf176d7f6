import { type ReactNode, useEffect } from "react";
import { Bar } from "./Bar";
import { TabBar } from "./TabBar";

interface Props {
  children: ReactNode;
  tabs?: boolean;
  /** Something for the bar that concerns this page alone, now. */
  extra?: ReactNode;
}

/** The frame around ordinary pages. The page brings its own <main id="main">. */
export function Shell({ children, tabs = true, extra }: Props) {
  useEffect(() => {
    document.body.classList.toggle("has-tabbar", tabs);
    return () => document.body.classList.remove("has-tabbar");
  }, [tabs]);
  return (
    <>
      <SkipLink />
      <Bar extra={extra} />
      {children}
      {tabs ? <TabBar /> : null}
    </>
  );
}

export function SkipLink() {
  return (
    <a className="skip" href="#main">
      Skip to content
    </a>
  );
}
