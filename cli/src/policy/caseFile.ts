/** Files of assertions for `policy test`: who may reach whom. */
import { isRecord, nearest } from "@brindle/api";
import { CliError, failed } from "../error.ts";
import { formatPlace, type ManifestDocument, readDocuments } from "../manifest/documents.ts";
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

const fields: readonly string[] = ["name", "from", "to", "port", "expect"];

type Report = (path: string, reason: string) => void;

/** Throws a `CliError` with every problem of all files, each with its line and path. */
export function readCases(files: readonly ManifestFile[], filename: readonly string[]): PolicyCase[] {
  const read = readDocuments(files);
  const problems = read.problems.map(
    ({ place, line, column, reason }) => `${formatPlace(place)}, line ${line}, column ${column}: ${reason}`,
  );
  const cases = read.documents.flatMap((document) => casesOf(document, problems));
  if (problems.length > 0) throw failed(problems.join("\n"));
  if (cases.length === 0) throw failed(`there is no case in ${filename.join(", ")}`);
  return cases;
}

function casesOf({ place, value, lineOf }: ManifestDocument, problems: string[]): PolicyCase[] {
  const report: Report = (path, reason) => {
    problems.push(`${formatPlace(place)}, line ${lineOf(path)}: ${path === "" ? "" : `${path}: `}${reason}`);
  };
  if (!isRecord(value) || !Array.isArray(value.cases)) {
    report("", "this is no file of cases: it has no list called cases");
    return [];
  }
  for (const field of Object.keys(value)) if (field !== "cases") report(field, "a file of cases has only cases");
  if (value.cases.length === 0) report("cases", "the list is empty");
  return value.cases.flatMap((one: unknown, index) => caseOf(one, `cases[${index}]`, report));
}

function caseOf(value: unknown, path: string, report: Report): PolicyCase[] {
  if (!isRecord(value)) {
    report(path, "a case has from, to and expect");
    return [];
  }
  let isWhole = true;
  const wrong: Report = (field, reason) => {
    isWhole = false;
    report(`${path}.${field}`, reason);
  };
  for (const field of Object.keys(value)) if (!fields.includes(field)) wrong(field, unknownField(field));
  const from = endOf(value.from, (reason) => wrong("from", reason));
  const to = endOf(value.to, (reason) => wrong("to", reason));
  const port = portOf(value.port ?? "80/tcp", (reason) => wrong("port", reason));
  const { expect, name = `${from} to ${to} port ${port}` } = value;
  if (expect !== "allow" && expect !== "deny") {
    wrong(
      "expect",
      expect === undefined ? "is missing: write allow or deny" : `${shown(expect)} is neither allow nor deny`,
    );
    return [];
  }
  if (typeof name !== "string") wrong("name", `${shown(name)} is no text`);
  return isWhole ? [{ name: String(name), from, to, port, expect }] : [];
}

function unknownField(field: string): string {
  const meant = nearest(field, fields);
  return `is no field of a case${meant ? `; did you mean ${meant}?` : `: these are ${fields.join(", ")}`}`;
}

function endOf(value: unknown, wrong: (reason: string) => void): string {
  if (typeof value === "string" && value !== "") return value;
  wrong(value === undefined ? "is missing: name a pod, an address or a Service" : `${shown(value)} names nobody`);
  return "";
}

function portOf(value: unknown, wrong: (reason: string) => void): string {
  const port = String(value);
  try {
    parseService(port);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    wrong(error.message.replace(`--port ${port}`, () => shown(value)));
  }
  return port;
}

function shown(value: unknown): string {
  return JSON.stringify(value);
}
