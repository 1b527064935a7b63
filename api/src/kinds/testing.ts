/** For tables of rules: what a person is told of a document, and what is stored of it. */
import { encodeValue } from "../store/codec.ts";
import { formatProblem, type Warning } from "./problem.ts";
import { type AnyKindOfResource, validate } from "./validate.ts";

type Fields = Readonly<Record<string, unknown>>;

export function documentOf(kind: string, spec: Fields, metadata: Fields = {}): Fields {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name: "x", ...metadata }, spec };
}

/** A line for each problem; none for what is valid. */
export function problemsOf(document: Fields): readonly string[] {
  const judged = validate(document);
  return judged.kind === "invalid" ? judged.problems.map(formatProblem) : [];
}

export function warningsOf(document: Fields): readonly Warning[] {
  return validDocument(document).warnings;
}

/** The text that a store keeps of it. */
export function storedTextOf(document: Fields): string {
  const { resource } = validDocument(document);
  return encodeValue({ kind: resource.kind, name: resource.metadata.name }, resource);
}

export function resourceOf(document: Fields): AnyKindOfResource {
  return validDocument(document).resource;
}

function validDocument(document: Fields): Extract<ReturnType<typeof validate>, { kind: "valid" }> {
  const judged = validate(document);
  if (judged.kind === "valid") return judged;
  throw new Error(judged.problems.map(formatProblem).join("\n"));
}

/** A rule and a document that breaks it. */
export interface RefusedCase {
  readonly name: string;
  readonly spec: Fields;
  readonly metadata?: Fields;
  readonly problems: readonly string[];
}

export interface AcceptedCase {
  readonly name: string;
  readonly spec: Fields;
  readonly metadata?: Fields;
}
