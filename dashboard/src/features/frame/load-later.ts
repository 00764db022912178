/** Loads what the first view does not need: one script, with its stylesheet. */

const STYLE = "later-style";

export async function loadLater(): Promise<typeof import("./later")> {
  const [later] = await Promise.all([import("./later"), loadStyle()]);
  return later;
}

/** The page names the stylesheet without loading it. One that cannot be loaded costs the looks of a view, not the view. */
function loadStyle(): Promise<void> {
  const link = document.getElementById(STYLE);
  if (!(link instanceof HTMLLinkElement) || link.rel === "stylesheet") return Promise.resolve();
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
    link.rel = "stylesheet";
  });
}
