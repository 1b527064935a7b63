/**
 * Whether a command showed what a page shows. What differs from one cluster to the next is told by its form: pods'
 * addresses, names that Kubernetes ends by chance, times. `…` stands for anything, a line of it for any lines. Pure.
 */

/** What a page calls a thing, and what it is called here. Whoever types on goes by these. */
export type Names = Map<string, string>;

/** Each is its own class: one does not pass for another. */
const volatile: readonly { readonly shape: RegExp; readonly pattern: string; readonly named: boolean }[] = [
  { shape: /10\.244\.\d+\.\d+(?:\/\d+)?/, pattern: "10\\.244\\.\\d+\\.\\d+(?:/\\d+)?", named: true },
  { shape: /[a-z-]+-[0-9a-f]{8,10}-[a-z0-9]{5}\b/, pattern: "[a-z-]+-[0-9a-f]{8,10}-[a-z0-9]{5}", named: true },
  { shape: /brindle-agent-[a-z0-9]{5}\b/, pattern: "brindle-agent-[a-z0-9]{5}", named: true },
  { shape: /sha256:[0-9a-f]+/, pattern: "sha256:[0-9a-f]+", named: false },
  { shape: /\d\d:\d\d:\d\d(?:\.\d+)?/, pattern: "\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?", named: false },
  { shape: /\b\d+(?:\.\d+)?(?:m\d+s|ms|s|m|h|d)\b/, pattern: "\\d+(?:\\.\\d+)?(?:m\\d+s|ms|s|m|h|d)", named: false },
  { shape: /\b\d+ milliseconds/, pattern: "\\d+ milliseconds", named: false },
  { shape: /…/, pattern: ".*", named: false },
];
const any = new RegExp(volatile.map(({ shape }) => `(${shape.source})`).join("|"), "g");

/** `undefined` where it did not; else what was called otherwise here, to be kept beside `names`. */
export function readShown(
  shown: readonly string[],
  output: string,
  names: ReadonlyMap<string, string>,
): Names | undefined {
  const lines = output.split("\n").map((line) => line.trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return readLines(shown, lines, new Map(names));
}

function readLines(shown: readonly string[], lines: readonly string[], names: Names): Names | undefined {
  const [first, ...rest] = shown;
  if (first === undefined) return lines.length === 0 ? names : undefined;
  if (first.trim() === "…") {
    for (let skipped = 0; skipped <= lines.length; skipped++) {
      const found = readLines(rest, lines.slice(skipped), new Map(names));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [line, ...others] = lines;
  if (line === undefined || !readLine(first, line, names)) return undefined;
  return readLines(rest, others, names);
}

/** Notes names on the way. */
function readLine(shown: string, line: string, names: Names): boolean {
  const pieces = piecesOf(shown);
  const found = new RegExp(`^${pieces.map(({ pattern }) => pattern).join("")}$`).exec(line);
  if (found === null) return false;
  const kept = pieces.filter(({ name }) => name !== undefined);
  return kept.every(({ name = "" }, index) => {
    const here = found[index + 1] ?? "";
    const known = names.get(name);
    names.set(name, known ?? here);
    return known === undefined || known === here;
  });
}

function piecesOf(shown: string): { readonly pattern: string; readonly name?: string }[] {
  const pieces: { pattern: string; name?: string }[] = [];
  let at = 0;
  for (const match of shown.matchAll(any)) {
    pieces.push({ pattern: literal(shown.slice(at, match.index)) });
    const one = volatile[match.slice(1).findIndex((group) => group !== undefined)];
    if (one === undefined) continue;
    pieces.push(one.named ? { pattern: `(${one.pattern})`, name: match[0] } : { pattern: one.pattern });
    at = match.index + match[0].length;
  }
  pieces.push({ pattern: literal(shown.slice(at)) });
  return pieces;
}

/** Columns are as wide as what stands in them. */
function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/\s+/g, "\\s+");
}

/** A command of the page with what its names are here. */
export function withNames(command: string, names: ReadonlyMap<string, string>): string {
  const known = [...names].sort(([a], [b]) => b.length - a.length);
  if (known.length === 0) return command;
  const pattern = known.map(([name]) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return command.replaceAll(new RegExp(`(?:${pattern})(?!\\d)`, "g"), (name) => names.get(name) ?? name);
}
