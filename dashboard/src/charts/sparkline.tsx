/** A small line without axes; its name says what it shows. */

interface SparklineProps {
  values: (number | null)[];
  name: string;
  /** Bars are for counts, where 0 is a value of its own. */
  kind?: "line" | "bars";
}

const WIDTH = 120;
const HEIGHT = 24;

export function Sparkline({ values, name, kind = "line" }: SparklineProps) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return <span class="sparkline" />;
  const top = Math.max(...known) || 1;
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={name}>
      <title>{name}</title>
      {kind === "bars" ? drawBars(values, top) : <path d={drawLine(values, top)} />}
    </svg>
  );
}

function drawBars(values: (number | null)[], top: number) {
  const step = WIDTH / values.length;
  return values.map((value, index) => {
    const height = value ? Math.max(1.5, (value / top) * HEIGHT) : 0.6;
    return (
      <rect
        key={index}
        class={value ? "" : "zero"}
        x={index * step + 0.5}
        y={HEIGHT - height}
        width={Math.max(1, step - 1)}
        height={height}
      />
    );
  });
}

/** The path of a line that breaks where nothing is known. */
function drawLine(values: (number | null)[], top: number): string {
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDown = false;
        return "";
      }
      const x = (index / Math.max(1, values.length - 1)) * WIDTH;
      const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
      const point = `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      isDown = true;
      return point;
    })
    .join("");
}
