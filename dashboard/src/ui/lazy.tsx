/** Views whose code loads when they are first shown: the first view does not wait for it. */

import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

type Loaded<Props> = { View: ComponentType<Props> } | { error: unknown };

/** A component that loads its code when first shown. `load` imports it; the browser keeps what it loaded. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  waiting: ComponentChild = <p class="loading">Loading …</p>,
): ComponentType<Props> {
  let known: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [loaded, setLoaded] = useState<Loaded<Props> | null>(known && { View: known });
    useEffect(() => {
      if (known) return;
      load().then(
        (View) => {
          known = View;
          setLoaded({ View });
        },
        (error: unknown) => setLoaded({ error }),
      );
    }, []);
    if (loaded === null) return <>{waiting}</>;
    if ("error" in loaded) return <Missing />;
    return <loaded.View {...props} />;
  };
}

/** A deployment may have replaced the files of an open page. */
function Missing() {
  return (
    <p class="problem panel" role="alert">
      <span aria-hidden="true">? </span>unknown: this view could not be loaded. The page may have been updated meanwhile.{" "}
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  );
}
