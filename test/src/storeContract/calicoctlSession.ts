/** What a real calicoctl was given and what it answered: `calicoctl/calicoctl-session.txt` of the recordings. */
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { recording } from "../fixtures/recordings.ts";

export interface Session {
  /** The documents of each file that it was given. */
  readonly files: ReadonlyMap<string, readonly unknown[]>;
  /** In the order in which they were typed. */
  readonly commands: readonly RecordedCommand[];
}

export interface RecordedCommand {
  /** Without `calicoctl`. */
  readonly line: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `null` where no recordings are at hand. */
export function recordedSession(): Session | null {
  const path = recording("calico/calicoctl-session.txt");
  return path === null ? null : parseSession(readFileSync(path, "utf8"));
}

/** JSON ends without a line break, so what follows it begins in its last line. */
const part = /^(?:(.*[^#\n]))?### (file|calicoctl|etcd put) (.*)$/;

export function parseSession(text: string): Session {
  const files = new Map<string, readonly unknown[]>();
  const commands: RecordedCommand[] = [];
  let open: { readonly kind: string; readonly title: string; readonly lines: string[] } | null = null;
  const end = (): void => {
    if (open?.kind === "file") files.set(open.title, documentsOf(open.lines));
    if (open?.kind === "calicoctl") commands.push(commandOf(open.title, open.lines));
  };
  for (const line of text.split("\n")) {
    const [, before, kind, title] = part.exec(line) ?? [];
    if (kind === undefined || title === undefined) {
      if (!line.startsWith("##########")) open?.lines.push(line);
      continue;
    }
    if (before !== undefined) open?.lines.push(before);
    end();
    open = { kind, title, lines: [] };
  }
  end();
  return { files, commands };
}

function documentsOf(lines: readonly string[]): unknown[] {
  return parseAllDocuments(lines.join("\n")).map((document) => document.toJS() as unknown);
}

function commandOf(line: string, [code = "", ...output]: readonly string[]): RecordedCommand {
  const stderrAt = output.indexOf("--- stderr");
  const [stdout, stderr] = stderrAt < 0 ? [output, []] : [output.slice(0, stderrAt), output.slice(stderrAt + 1)];
  return { line, exitCode: Number(code.replace("rc=", "")), stdout: stdout.join("\n"), stderr: stderr.join("\n") };
}
