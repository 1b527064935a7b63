/** Fields of Calico's schema on which this version does not act: where a resource has them, and what that means for it. */
import { isRecord } from "../json/json.ts";
import type { KindDefinition, UnsupportedField } from "./kind.ts";
import { formatPath, type PathStep, type Problem, type Warning } from "./problem.ts";

export interface UnsupportedFound {
  /** What is `refused`. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Warning[];
}

export function findUnsupported(definition: KindDefinition, value: unknown): UnsupportedFound {
  const problems: Problem[] = [];
  const warnings: Warning[] = [];
  visit(treeOf(definition.unsupported), value, [], (field, found, path) => {
    if (!isMeant(field, found)) return;
    const { effect } = field;
    const problem = { path: formatPath(path), value: found, reason: reasonOf(definition, field) };
    if (effect === "refused") problems.push(problem);
    else warnings.push({ effect, ...problem });
  });
  return { problems, warnings };
}

/** What the field's presence comes to, in words that follow the field's name. */
export function reasonOf(definition: KindDefinition, field: UnsupportedField): string {
  const instead = field.accepted?.length ? `; leave it out or write ${field.accepted.join(" or ")}` : "";
  return `${meaningOf(definition, field)}${instead}`;
}

const notActedOn = "is stored, and this version of Brindle does not act on it";

function meaningOf({ whileWithheld }: KindDefinition, { effect, path, meanwhile }: UnsupportedField): string {
  switch (effect) {
    case "refused":
      return `is not supported by this version of Brindle${meanwhile ? `: ${meanwhile}` : ""}`;
    case "ignored":
      return meanwhile ? `${notActedOn}: ${meanwhile}` : notActedOn;
    case "withheld":
      return `${notActedOn}: ${meanwhile ?? whileWithheld ?? "all of the resource counts as absent"}${path === "spec" ? "" : " until it is removed"}`;
  }
}

/** An empty list asks for nothing. */
function isMeant({ accepted, only }: UnsupportedField, value: unknown): boolean {
  if (Array.isArray(value) && value.length === 0) return false;
  return only ? only.includes(value) : !accepted?.some((other) => isSame(other, value));
}

/** Calico takes some words in any case; where it does not, another case is an error before it gets here. */
function isSame(a: unknown, b: unknown): boolean {
  return typeof a === "string" && typeof b === "string" ? a.toLowerCase() === b.toLowerCase() : a === b;
}

/** The paths of a table by their steps, so that a value is walked once: `spec.ingress[].http` is under `spec`, `ingress`. */
interface PathTree {
  readonly fields: UnsupportedField[];
  readonly members: Map<string, PathTree>;
  /** Of the entries of a list, where a step ends in `[]`. */
  entries?: PathTree;
}

const trees = new WeakMap<readonly UnsupportedField[], PathTree>();

function treeOf(fields: readonly UnsupportedField[]): PathTree {
  let tree = trees.get(fields);
  if (!tree) {
    tree = newTree();
    for (const field of fields) placeOf(tree, field.path).fields.push(field);
    trees.set(fields, tree);
  }
  return tree;
}

function newTree(): PathTree {
  return { fields: [], members: new Map() };
}

function placeOf(root: PathTree, path: string): PathTree {
  let at = root;
  for (const step of path.split(".")) {
    const name = step.replace("[]", "");
    const member = at.members.get(name) ?? newTree();
    at.members.set(name, member);
    at = member;
    if (step.endsWith("[]")) at = at.entries ??= newTree();
  }
  return at;
}

type Visitor = (field: UnsupportedField, value: unknown, path: readonly PathStep[]) => void;

function visit(tree: PathTree, value: unknown, path: PathStep[], visitor: Visitor): void {
  for (const field of tree.fields) visitor(field, value, path);
  if (tree.entries && Array.isArray(value)) {
    for (const [i, item] of value.entries()) visitAt(tree.entries, item, { path, step: i }, visitor);
  }
  if (!isRecord(value)) return;
  for (const [name, member] of tree.members) {
    if (Object.hasOwn(value, name)) visitAt(member, value[name], { path, step: name }, visitor);
  }
}

function visitAt(
  tree: PathTree,
  value: unknown,
  { path, step }: { readonly path: PathStep[]; readonly step: PathStep },
  visitor: Visitor,
): void {
  path.push(step);
  visit(tree, value, path, visitor);
  path.pop();
}
