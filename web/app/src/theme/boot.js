// Runs before the first paint, as a file of its own: a forced theme must not flash in the other one.
(function () {
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be refused; the system's theme stands then.
  }
})();
