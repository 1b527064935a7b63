/**
 * What settings of the node were before an agent changed them, on disk: a file of `{"net/ipv4/ip_forward": {"before": "0",
 * "ours": "1"}}`. The first word counts, and it is written before the setting is: `brindle cleanup` puts it back.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export const sysctlRecordName = "sysctls.json";

export interface RecordedSysctl {
  readonly before: string;
  readonly ours: string;
}

export function readSysctlRecord(path: string): ReadonlyMap<string, RecordedSysctl> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new TypeError(`${path} is no record of kernel settings`);
  return new Map(Object.entries(parsed as Record<string, RecordedSysctl>).filter(([, entry]) => isRecorded(entry)));
}

export function recordSysctl(path: string, setting: string, values: RecordedSysctl): void {
  const record = readSysctlRecord(path);
  if (record.has(setting)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify(Object.fromEntries([...record, [setting, values]]))}\n`, { flush: true });
  renameSync(temporary, path);
}

function isRecorded(entry: unknown): boolean {
  const { before, ours } = (entry ?? {}) as Partial<RecordedSysctl>;
  return typeof before === "string" && typeof ours === "string";
}
