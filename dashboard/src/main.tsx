/** Where the page begins. */

import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./theme";

applyTheme();
const place = document.getElementById("page");
if (place) render(<App />, place);
