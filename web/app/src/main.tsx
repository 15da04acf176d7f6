import "./styles/index.css"; // first: what a page says of its pieces comes after what they are
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";

// After an upgrade of the server the files this page would load next are gone: the new page knows theirs.
addEventListener("vite:preloadError", (event) => {
  const key = "reloaded-for-files";
  try {
    if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 30_000) return;
    sessionStorage.setItem(key, String(Date.now()));
  } catch {
    return;
  }
  event.preventDefault();
  location.reload();
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
