/** From the text of manifests to their documents. YAML contains JSON, so one reader does for both. */
import { type Document, isNode, LineCounter, parseAllDocuments, type YAMLError } from "yaml";
import type { ManifestFile } from "../ports.ts";

/** Where a document stands, for messages. */
export interface Place {
  readonly file: string;
  /** From one, empty documents counted; those of a list share its number. */
  readonly document: number;
  /** From one; absent outside a list. */
  readonly item?: number;
}

export interface ManifestDocument {
  readonly place: Place;
  readonly value: unknown;
  /** Of the file, from one: where what is at a path stands, as `spec.ingress[0].action`, or the last of it that is there. */
  lineOf(path: string): number;
}

/** What is no YAML at all. */
export interface SyntaxProblem {
  readonly place: Place;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

export interface ReadManifests {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly SyntaxProblem[];
}

export function readDocuments(files: readonly ManifestFile[]): ReadManifests {
  const parts = files.map(readFile);
  return {
    documents: parts.flatMap(({ documents }) => documents),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

export function formatPlace({ file, document, item }: Place): string {
  return `${file}, document ${document}${item === undefined ? "" : `, item ${item}`}`;
}

function readFile({ name, text }: ManifestFile): ReadManifests {
  const lineCounter = new LineCounter();
  // `<<` is YAML 1.1, and still common in manifests. Keys that come twice are errors: one of them would be lost.
  const parsed = [...parseAllDocuments(text, { lineCounter, merge: true, prettyErrors: false })];
  const documents: ManifestDocument[] = [];
  const problems: SyntaxProblem[] = [];
  for (const [index, document] of parsed.entries()) {
    const place = { file: name, document: index + 1 };
    if (document.errors.length > 0) problems.push(...document.errors.map((error) => at(place, error, lineCounter)));
    else documents.push(...itemsOf(document, { place, lineCounter }));
  }
  return { documents, problems };
}

function at(place: Place, error: YAMLError, lineCounter: LineCounter): SyntaxProblem {
  const { line, col } = lineCounter.linePos(error.pos[0]);
  return { place, line, column: col, reason: error.message };
}

/** Nothing for an empty document; the items of a list, as `get -o yaml` prints one. */
function itemsOf(
  document: Document,
  { place, lineCounter }: { readonly place: Place; readonly lineCounter: LineCounter },
): ManifestDocument[] {
  const value: unknown = document.toJS();
  if (value === null || value === undefined) return [];
  const within =
    (...before: (string | number)[]) =>
    (path: string): number =>
      lineOf(document, [...before, ...stepsOf(path)], lineCounter);
  if (!isList(value)) return [{ place, value, lineOf: within() }];
  return value.items.map((item, index) => ({
    place: { ...place, item: index + 1 },
    value: item,
    lineOf: within("items", index),
  }));
}

/** Of `spec.ingress[0].action`. */
export function stepsOf(path: string): (string | number)[] {
  const steps = path.match(/[^.[\]]+/g) ?? [];
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function lineOf(document: Document, steps: readonly (string | number)[], lineCounter: LineCounter): number {
  for (let length = steps.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(steps.slice(0, length), true);
    if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line;
  }
  return 1;
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("items" in value)) return false;
  return typeof value.kind === "string" && value.kind.endsWith("List") && Array.isArray(value.items);
}
