import { packageOf } from "./packages.ts";
import {
  importsOf,
  isNode,
  isTest,
  lineAt,
  mayHaveEffects,
  nodesIn,
  type Source,
  type SyntaxNode,
  walk,
} from "./source.ts";

/** Modules of Node whose every function is a function. Of the rest pure code needs nothing. */
const pureModules = new Set([
  "assert",
  "assert/strict",
  "buffer",
  "crypto",
  "path",
  "path/posix",
  "string_decoder",
  "util",
]);
/** Of `node:crypto` the digests: no keys made, no random numbers. */
const pureCrypto = new Set(["createHash", "createHmac", "hash", "timingSafeEqual", "BinaryLike", "Hash", "Hmac"]);
const effectPackages = new Set(["koffi", "netlink", "etcd3", "pino", "@kubernetes/client-node"]);

const effectGlobals = new Set([
  ..."setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate".split(" "),
  ..."fetch process performance console crypto WebSocket EventSource MessageChannel navigator".split(" "),
  ..."globalThis global".split(" "),
]);
/** Pure but for one member or their own call: as a value they take that along. */
const halfPureGlobals = new Set(["Date", "Math", "Temporal", "Atomics"]);
const effectMembers = new Set(["Date.now", "Math.random", "Temporal.Now", "AbortSignal.timeout", "Atomics.wait"]);

/** Effects outside `shell/` and `main.ts`: no clock, no chance, no world. */
export function purityFaults(source: Source): string[] {
  if (source.workspace === "test" || mayHaveEffects(source) || isTest(source)) return [];
  return [...importFaultsOf(source), ...globalFaults(source)];
}

function importFaultsOf(source: Source): string[] {
  return importsOf(source.tree).flatMap(({ specifier, typeOnly, names }) => {
    if (typeOnly) return [];
    if (effectPackages.has(packageOf(specifier) ?? ""))
      return [`${source.path}: ${specifier} has effects: use it in shell/`];
    if (!specifier.startsWith("node:")) return [];
    const module = specifier.slice("node:".length);
    if (!pureModules.has(module)) return [`${source.path}: ${specifier} has effects: use it in shell/`];
    const impure = module === "crypto" ? names.filter((name) => !pureCrypto.has(name)) : [];
    return impure.map((name) => `${source.path}: ${name} of ${specifier} is not a pure function`);
  });
}

function globalFaults(source: Source): string[] {
  const own = declaredNames(source.tree);
  const faults: string[] = [];
  const report = (node: SyntaxNode, what: string): void => {
    faults.push(`${source.path}:${lineAt(source, node.start)}: ${what} is an effect: the shell hands it in`);
  };
  walk(source.tree, (node) => {
    const name = globalName(node);
    if (name !== undefined && !own.has(name.split(".")[0] ?? "")) report(node, name);
  });
  return faults;
}

/** The effect that this node is, by its name, if the name means the global one. */
function globalName(node: SyntaxNode): string | undefined {
  const callee = identifier(node.callee);
  if (node.type === "NewExpression" && callee === "Date" && nodesIn(node.arguments).length === 0) return "Date";
  if (node.type === "CallExpression" && callee === "Date") return "Date";
  if (node.type === "MemberExpression") {
    const object = identifier(node.object);
    if (object === undefined) return undefined;
    const member = `${object}.${identifier(node.property) ?? literal(node.property) ?? ""}`;
    return effectMembers.has(member) || effectGlobals.has(object) ? member : undefined;
  }
  if (callee !== undefined && effectGlobals.has(callee)) return callee;
  return usedAsValues(node).find((name) => effectGlobals.has(name) || halfPureGlobals.has(name));
}

/** Where an expression hands on what it names. */
const valueFields = ["init", "right", "value", "argument", "body", "consequent", "alternate", "left"] as const;

/** Handed on without being called: `const later = setTimeout`, `run(process)`, `{ random: Math.random }`. */
function usedAsValues(node: SyntaxNode): string[] {
  if (node.type === "BinaryExpression") return []; // A comparison keeps nothing: `value instanceof Date`.
  const values = [...valueFields.map((field) => node[field]), ...nodesIn(node.arguments), ...nodesIn(node.elements)];
  return values.flatMap((value) => identifier(value) ?? []);
}

function literal(value: unknown): string | undefined {
  return isNode(value) && value.type === "Literal" ? String(value.value) : undefined;
}

function identifier(value: unknown): string | undefined {
  return isNode(value) && value.type === "Identifier" ? String(value.name) : undefined;
}

/** What the file declares itself anywhere is not the global: a parameter may be called `process`. */
function declaredNames(tree: SyntaxNode): Set<string> {
  const names = new Set<string>();
  walk(tree, (node) => {
    const patterns = [
      ...nodesIn(node.params),
      ...(/^VariableDeclarator|Declaration$/.test(node.type) ? nodesIn(node.id) : []),
    ];
    if (/^Import.*Specifier$/.test(node.type)) patterns.push(...nodesIn(node.local));
    for (const pattern of patterns) for (const name of patternNames(pattern)) names.add(name);
  });
  return names;
}

function patternNames(pattern: SyntaxNode): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [String(pattern.name)];
    case "ObjectPattern":
      return nodesIn(pattern.properties).flatMap((property) => patternsIn(property, ["value", "argument"]));
    case "ArrayPattern":
      return nodesIn(pattern.elements).flatMap(patternNames);
    default:
      return patternsIn(pattern, ["left", "argument"]);
  }
}

function patternsIn(node: SyntaxNode, fields: readonly string[]): string[] {
  return fields.flatMap((field) => nodesIn(node[field]).flatMap(patternNames));
}
