/** Series on top of each other. */

/** A stack is drawn from its top down: the shorter bars cover the longer ones. */
export function orderLayers<T>(items: T[], kind: "lines" | "stack"): T[] {
  return kind === "stack" ? [...items].reverse() : items;
}

/** Columns as they are drawn. In a stack a bar's height is the sum of what is known up to it; the table names what is unknown. */
export function stackColumns(values: (number | null)[][], kind: "lines" | "stack"): (number | null)[][] {
  return kind === "stack" ? orderLayers(sumUp(values), kind) : values;
}

function sumUp(values: (number | null)[][]): (number | null)[][] {
  const totals: number[] = (values[0] ?? []).map(() => 0);
  return values.map((column) =>
    column.map((value, row) => {
      if (value === null) return null;
      totals[row] = (totals[row] ?? 0) + value;
      return totals[row] ?? null;
    }),
  );
}
