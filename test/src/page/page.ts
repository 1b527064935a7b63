/**
 * Takes what is to be typed out of a page of `docs`, and what the page says will be shown. In its blocks of `console`, a
 * line begins with the place and `# `, what follows up to the next such line is shown; a here-document belongs to its
 * command. Pure.
 */
export interface Command {
  readonly kind: "command";
  /** As the prompt says it: `node1`. */
  readonly place: string;
  readonly text: string;
  readonly shown: readonly string[];
  /** Of the page, from 1. */
  readonly line: number;
}

/** A block of another language: a file for somebody else than a shell. */
export interface Excerpt {
  readonly kind: "excerpt";
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

export type Step = Command | Excerpt;

export function stepsOf(page: string): Step[] {
  const lines = page.split("\n");
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(\w+)$/.exec(lines[at] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at);
    if (end < 0) throw new SyntaxError(`line ${at + 1}: a block without an end`);
    const inside = lines.slice(at + 1, end);
    if (language === "console") steps.push(...commandsOf(inside, at + 2));
    else steps.push({ kind: "excerpt", language, text: `${inside.join("\n")}\n`, line: at + 1 });
    at = end;
  }
  return steps;
}

function commandsOf(lines: readonly string[], firstLine: number): Command[] {
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; ) {
    const [, place, first] = /^([a-z][a-z0-9]*)# (.+)$/.exec(lines[at] ?? "") ?? [];
    const line = firstLine + at;
    if (place === undefined || first === undefined)
      throw new SyntaxError(`line ${line}: no command before what is shown`);
    const after = endOfHereDocument(lines, at, first, line);
    let end = after;
    while (end < lines.length && !/^[a-z][a-z0-9]*# /.test(lines[end] ?? "")) end++;
    const text = [first, ...lines.slice(at + 1, after)].join("\n");
    commands.push({ kind: "command", place, text, shown: lines.slice(after, end), line });
    at = end;
  }
  return commands;
}

/** The index of the line behind the command. */
function endOfHereDocument(lines: readonly string[], at: number, command: string, line: number): number {
  const word = /<<'(\w+)'/.exec(command)?.[1];
  if (word === undefined) return at + 1;
  const end = lines.indexOf(word, at);
  if (end < 0) throw new SyntaxError(`line ${line}: a here-document without its ${word}`);
  return end + 1;
}
