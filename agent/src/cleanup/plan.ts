/**
 * How a node gets rid of Brindle, as steps: what bears our mark goes, in an order in which nothing is open on the way, and
 * nothing else is touched. What is found decides, not what an agent remembers: there is none any more.
 */
import {
  type Family,
  formatPrefix,
  type HookChange,
  type Link,
  type Route,
  type SavedTable,
  type TablesBackend,
} from "@brindle/net";
import { chainPrefix, setPrefix } from "@brindle/policy";
import { queueOwner } from "../wiring/limits.ts";
import { hostMac } from "../wiring/plan.ts";

export interface CleanupFacts {
  /** Those that name our plugin. */
  readonly networkLists: readonly string[];
  readonly executable: string | null;
  readonly links: readonly Link[];
  /** Of our protocol. */
  readonly routes: readonly Route[];
  readonly tables: readonly FoundTable[];
  /** Names of all sets. */
  readonly sets: readonly string[];
  /** As they were before an agent changed them, and as they are. */
  readonly sysctls: readonly ChangedSysctl[];
  /** That are there. */
  readonly folders: readonly string[];
}

export interface FoundTable {
  readonly family: Family;
  readonly backend: TablesBackend;
  readonly table: SavedTable;
}

export interface ChangedSysctl {
  readonly path: `net/${string}`;
  readonly before: string;
  readonly ours: string;
  readonly now: string;
}

export type CleanupStep =
  | { readonly op: "removeFile" | "removeFolder"; readonly path: string }
  | { readonly op: "removeLink"; readonly link: Link }
  | { readonly op: "removeRoute"; readonly route: Route }
  | {
      readonly op: "removeChains";
      readonly family: Family;
      readonly backend: TablesBackend;
      readonly table: SavedTable["table"];
      readonly hooks: readonly HookChange[];
      readonly chains: readonly string[];
    }
  | { readonly op: "removeSet"; readonly name: string }
  | { readonly op: "restoreSysctl"; readonly path: `net/${string}`; readonly value: string };

/** No new pod is wired from the first step on; no pod is without its policy before it is without its interface. */
export function planCleanup(facts: CleanupFacts): readonly CleanupStep[] {
  return [
    ...facts.networkLists.map((path): CleanupStep => ({ op: "removeFile", path })),
    ...(facts.executable === null ? [] : [{ op: "removeFile" as const, path: facts.executable }]),
    ...ownLinks(facts.links).map((link): CleanupStep => ({ op: "removeLink", link })),
    ...withoutLinks(facts).map((route): CleanupStep => ({ op: "removeRoute", route })),
    ...facts.tables.flatMap(chainsOf),
    ...facts.sets.filter((name) => name.startsWith(setPrefix)).map((name): CleanupStep => ({ op: "removeSet", name })),
    ...facts.sysctls.flatMap(restored),
    ...facts.folders.map((path): CleanupStep => ({ op: "removeFolder", path })),
  ];
}

/** Of pods that run: their other end is in a namespace that is there, or they would be gone. */
export function podLinks(links: readonly Link[]): readonly Link[] {
  return links.filter(({ alias }) => alias?.startsWith("brindle ") ?? false);
}

/** Also what an agent died over while it made it: no mark yet, and the form of ours. */
function ownLinks(links: readonly Link[]): Link[] {
  const isUnfinished = ({ alias, kind, mac, up, name }: Link) =>
    alias === null && kind === "veth" && mac === hostMac && !up && name.startsWith("cali");
  const marked = podLinks(links);
  const isQueue = (link: Link) => queueOwner(link) !== null;
  // A queue after its pod: until then the pod's packets have to go somewhere.
  return [...links.filter((link) => marked.includes(link) || isUnfinished(link)), ...links.filter(isQueue)];
}

/** With an interface its routes go without a word. */
function withoutLinks({ links, routes }: CleanupFacts): Route[] {
  const going = new Set(ownLinks(links).map(({ index }) => index));
  return routes.filter(({ nextHops }) => !nextHops.some(({ interfaceIndex }) => going.has(interfaceIndex ?? 0)));
}

function chainsOf({ family, backend, table: { table, chains } }: FoundTable): CleanupStep[] {
  const own = [...chains.keys()].filter((name) => name.startsWith(chainPrefix));
  const hooks = [...chains.values()]
    .filter(({ name }) => !name.startsWith(chainPrefix))
    .flatMap(({ name, rules }) =>
      rules
        .filter(({ arguments: words }) => leadsToUs(words))
        .map(({ arguments: rule }): HookChange => ({ op: "delete", chain: name, rule })),
    );
  return own.length + hooks.length > 0 ? [{ op: "removeChains", family, backend, table, hooks, chains: own }] : [];
}

function leadsToUs(words: readonly string[]): boolean {
  const at = words.findIndex((word) => ["-j", "-g", "--jump", "--goto"].includes(word));
  return at >= 0 && (words[at + 1]?.startsWith(chainPrefix) ?? false);
}

/** What somebody else has changed since is theirs. */
function restored({ path, before, ours, now }: ChangedSysctl): CleanupStep[] {
  return now === ours && before !== ours ? [{ op: "restoreSysctl", path, value: before }] : [];
}

/** One line for an operator. */
export function describeStep(step: CleanupStep): string {
  switch (step.op) {
    case "removeFile":
      return `file ${step.path}`;
    case "removeFolder":
      return `folder ${step.path}`;
    case "removeLink":
      return `interface ${step.link.name} of ${ownerOf(step.link)}`;
    case "removeRoute":
      return `route ${formatPrefix(step.route.destination)} with metric ${step.route.metric}`;
    case "removeChains": {
      const command = `${step.family === 4 ? "iptables" : "ip6tables"}-${step.backend}`;
      return `${step.chains.length} chains and ${step.hooks.length} rules that lead to them, in table ${step.table} of ${command}`;
    }
    case "removeSet":
      return `set ${step.name}`;
    case "restoreSysctl":
      return `kernel setting ${step.path} back to ${step.value}`;
  }
}

function ownerOf(link: Link): string {
  const queued = queueOwner(link);
  if (queued !== null) return `what ${queued} sends`;
  return link.alias?.replace(/^brindle /, "container ") ?? "nobody: it was never finished";
}
