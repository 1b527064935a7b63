/** Files of assertions for `policy test`: who may reach whom. */
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { CliError, failed } from "../error.ts";
import type { ManifestFile } from "../ports.ts";
import { parseService } from "./ends.ts";

export interface PolicyCase {
  /** For people; made of the rest where it is left out. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** As `--port` takes it. */
  readonly port: string;
  readonly expect: "allow" | "deny";
}

const caseSchema = z.strictObject({
  name: z.string().optional(),
  from: z.string(),
  to: z.string(),
  port: z.union([z.string(), z.number()]).transform(String).default("80/tcp"),
  expect: z.enum(["allow", "deny"]),
});

const fileSchema = z.strictObject({ cases: z.array(caseSchema).min(1) });

/** Throws a `CliError` with every problem of all files, each with its path. */
export function readCases(files: readonly ManifestFile[]): PolicyCase[] {
  const problems: string[] = [];
  const cases = files.flatMap((file) => casesOf(file, (problem) => problems.push(`${file.name}: ${problem}`)));
  if (problems.length > 0) throw failed(problems.join("\n"));
  return cases;
}

function casesOf({ text }: ManifestFile, report: (problem: string) => void): PolicyCase[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      report(error.message.split("\n")[0] ?? "is no YAML");
      return [];
    }
    const read = fileSchema.safeParse(document.toJS());
    if (!read.success) {
      for (const { path, message } of read.error.issues) report(`${path.join(".") || "the document"}: ${message}`);
      return [];
    }
    return read.data.cases.map((one, index) => checked(one, (problem) => report(`cases.${index}.port: ${problem}`)));
  });
}

function checked(one: z.infer<typeof caseSchema>, report: (problem: string) => void): PolicyCase {
  const { from, to, port, expect } = one;
  try {
    parseService(port);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    report(`${port} is no port with its protocol, like 5432/tcp, 53/udp or icmp`);
  }
  return { from, to, port, expect, name: one.name ?? `${from} to ${to} port ${port}` };
}
