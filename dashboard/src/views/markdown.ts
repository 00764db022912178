/** The little markdown that runbooks use, as structure: headings, paragraphs, lists, tables, code. Links lead to other pages. */

export type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "paragraph" | "code"; text: string }
  | { kind: "list"; isOrdered: boolean; items: string[] }
  | { kind: "table"; rows: string[][] };

export type Span = { kind: "text" | "code" | "strong"; text: string } | { kind: "page"; text: string; page: string };

const ITEM = /^\s*(?:([-*])|(\d+)[.)])\s+(.*)$/;

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.replaceAll("\r", "").split("\n");
  let isOpen = false;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line.startsWith("```")) {
      const end = lines.findIndex((other, at) => at > index && other.startsWith("```"));
      const last = end < 0 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(index + 1, last).join("\n") });
      index = last;
      isOpen = false;
    } else if (line.trim() === "") {
      isOpen = false;
    } else {
      isOpen = added(blocks, line, isOpen);
    }
  }
  return blocks;
}

/** Puts one line into the last block or a new one; whether the next line may go on with it. */
function added(blocks: Block[], line: string, isOpen: boolean): boolean {
  const last = blocks.at(-1);
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  const item = ITEM.exec(line);
  if (heading) {
    blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
    return false;
  }
  if (item) {
    const isOrdered = item[2] !== undefined;
    if (last?.kind === "list" && last.isOrdered === isOrdered) last.items.push(item[3] ?? "");
    else blocks.push({ kind: "list", isOrdered, items: [item[3] ?? ""] });
  } else if (line.startsWith("|")) {
    const cells = line
      .replace(/^\||\|\s*$/g, "")
      .split("|")
      .map((cell) => cell.trim());
    if (cells.every((cell) => /^:?-+:?$/.test(cell))) return true;
    if (isOpen && last?.kind === "table") last.rows.push(cells);
    else blocks.push({ kind: "table", rows: [cells] });
  } else if (isOpen && last?.kind === "list") {
    last.items.push(`${last.items.pop() ?? ""} ${line.trim()}`);
  } else if (isOpen && last?.kind === "paragraph") {
    last.text += ` ${line.trim()}`;
  } else {
    blocks.push({ kind: "paragraph", text: line.trim() });
  }
  return true;
}

export function spansOf(text: string): Span[] {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]*\]\([^)]*\))/)
    .filter((part) => part !== "")
    .map(spanOf);
}

function spanOf(part: string): Span {
  if (part.length > 2 && part.startsWith("`") && part.endsWith("`")) return { kind: "code", text: part.slice(1, -1) };
  if (part.length > 4 && part.startsWith("**") && part.endsWith("**")) return { kind: "strong", text: part.slice(2, -2) };
  const [, text, target] = /^\[([^\]]*)\]\(([^)]*)\)$/.exec(part) ?? [];
  if (text === undefined || target === undefined) return { kind: "text", text: part };
  const page = /^(?:\.\.\/|runbooks\/)?([\w-]+)\.md$/.exec(target)?.[1];
  return page ? { kind: "page", text, page } : { kind: "text", text };
}
