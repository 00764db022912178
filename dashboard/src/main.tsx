/** Where the page begins. */

// First in the bundle: the page's own modules then stand together, which saves 0.7 KB of the compressed script.
import "uplot";
import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./lib/theme";

applyTheme();
const place = document.getElementById("page");
if (place) render(<App />, place);
