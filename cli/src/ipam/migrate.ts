/**
 * `ipam migrate`: no address is taken of a pool any more, those that are kept for pods are let go, and whoever has one of its addresses
 * still is told. Pods change over as they are made anew; said again, it tells what is left, and in the end removes the pool.
 */
import {
  type IPAMBlock,
  type IPPool,
  type IPReservation,
  type Item,
  type Store,
  type Write,
  whyNotActedOn,
} from "@brindle/api";
import { choosePools, keptForAnnotation, parsePool } from "@brindle/ipam";
import { containsPrefix, networkOf, parseCidr, parsePrefix } from "@brindle/net";
import type { ExitCode } from "../command.ts";
import { failed, usage } from "../error.ts";
import { formatTable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { clientOn } from "../resources/client.ts";
import { type AddressRow, addressRowsOf, namedByEndpoints } from "./addresses.ts";
import { readableEndpoints } from "./endpoints.ts";

export interface MigrateOptions {
  readonly to: string;
  readonly dryRun?: boolean;
  readonly delete?: boolean;
}

export async function migratePool(name: string, options: MigrateOptions, ports: Ports): Promise<ExitCode> {
  const store = await ports.store();
  const pools = (await store.list("IPPool")).items;
  const from = named(pools, name);
  const to = named(pools, options.to);
  for (const text of objectionsTo(from.value, to.value)) throw failed(text);
  for (const text of differences(from.value, to.value)) ports.warn(text);
  const kept = (await store.list("IPReservation")).items.flatMap((item) => keptIn(item, from.value));
  const says = options.dryRun ? "would be" : "is";
  if (!from.value.spec.disabled) {
    if (!options.dryRun) await close(store, from);
    ports.print(`IPPool ${name} ${says} disabled: no pod gets an address of it any more`);
  }
  for (const { write, what } of kept) {
    if (!options.dryRun) await commitOrFail(store, write);
    const { name } = write.key;
    ports.print(`IPReservation ${name} ${says} ${what}: the next pod of that name gets an address of ${options.to}`);
  }
  return tellRest(store, from.value, { ...options, ports });
}

function named(pools: readonly Item<"IPPool">[], name: string): Item<"IPPool"> {
  const pool = pools.find(({ value }) => value.metadata.name === name);
  if (!pool) throw failed(`there is no IPPool ${name}`);
  return pool;
}

function objectionsTo(from: IPPool, to: IPPool): string[] {
  if (from.metadata.name === to.metadata.name) throw usage("a pool does not migrate to itself");
  const source = parsePool(from);
  const target = parsePool(to);
  if ("reason" in source) return [`IPPool ${from.metadata.name}: ${source.reason}`];
  if ("reason" in target) return [`IPPool ${to.metadata.name}: ${target.reason}`];
  const { family } = source.prefix.address;
  if (target.prefix.address.family !== family) return [`IPPool ${to.metadata.name} has no addresses of IPv${family}`];
  const reason = whyNotActedOn(to);
  if (reason !== null) return [`IPPool ${to.metadata.name} gives no addresses: ${reason}`];
  const { refused } = choosePools([to], { family, nodeLabels: {}, asked: [to.metadata.name] });
  return refused.map(({ reason }) => `IPPool ${to.metadata.name} gives no addresses: ${reason}`);
}

/** For whom the other pool may not be: they would get none. */
function differences({ spec: from, metadata }: IPPool, { spec: to, metadata: other }: IPPool): string[] {
  return (["nodeSelector", "namespaceSelector", "assignmentMode", "natOutgoing", "disableBGPExport"] as const)
    .filter((field) => (from[field] ?? defaults[field]) !== (to[field] ?? defaults[field]))
    .map(
      (field) =>
        `${field} of ${other.name} is ${JSON.stringify(to[field] ?? defaults[field])}, that of ${metadata.name} ${JSON.stringify(from[field] ?? defaults[field])}: is it for the same pods?`,
    );
}

const defaults = {
  nodeSelector: "all()",
  namespaceSelector: "",
  assignmentMode: "Automatic",
  natOutgoing: false,
  disableBGPExport: false,
} as const;

async function close(store: Store, { key, value, revision }: Item<"IPPool">): Promise<void> {
  const closed: IPPool = { ...value, spec: { ...value.spec, disabled: true } };
  await commitOrFail(store, { op: "update", key, value: closed, revision });
}

async function commitOrFail(store: Store, write: Write): Promise<void> {
  const { kind, name } = write.key;
  if ((await store.commit([write])).kind === "conflict")
    throw failed(`${kind} ${name} was changed meanwhile; look, and try again`);
}

/**
 * What is to become of a reservation that keeps an address of the pool: the pod's address of another pool, as of the other
 * family, stays its own. A reservation of an operator's stays: it may mean more than this pool.
 */
function keptIn(
  { key, value, revision }: Item<"IPReservation">,
  pool: IPPool,
): { readonly write: Write; readonly what: string }[] {
  if (value.metadata.annotations?.[keptForAnnotation] === undefined) return [];
  const { reservedCIDRs = [] } = value.spec;
  const going = reservedCIDRs.filter((text) => isWithin(text, pool));
  if (going.length === 0) return [];
  const staying = reservedCIDRs.filter((text) => !going.includes(text));
  if (staying.length === 0) return [{ write: { op: "delete", key, revision }, what: "deleted" }];
  const left: IPReservation = { ...value, spec: { ...value.spec, reservedCIDRs: staying } };
  const what = `left with ${staying.join(", ")} alone`;
  return [{ write: { op: "update", key, value: left, revision }, what }];
}

function isWithin(text: string, { spec }: IPPool): boolean {
  const range = parsePrefix(spec.cidr);
  const cidr = parseCidr(text);
  return range !== null && cidr !== null && containsPrefix(range, networkOf(cidr));
}

async function tellRest(
  store: Store,
  pool: IPPool,
  { to, ports, dryRun = false, delete: isToGo = false }: MigrateOptions & { readonly ports: Ports },
): Promise<ExitCode> {
  const { items, undecodable } = await store.list("IPAMBlock");
  const [unread] = undecodable.filter(({ key }) => isIn({ cidr: key.name }, pool));
  if (unread) throw failed(`IPAMBlock ${unread.key.name} cannot be read: who has its addresses cannot be told`);
  const blocks = items.map(({ value }) => value).filter((block) => isIn(block, pool));
  const rows = await namedRows(store, addressRowsOf(blocks, { isResting: false }));
  const { name } = pool.metadata;
  if (rows.length > 0) {
    ports.print(formatTable(columns, rows));
    ports.print(`${rows.length} addresses of ${name} are in use: each pod gets one of ${to} when it is made anew`);
    return 1;
  }
  ports.print(`no address of ${name} is in use`);
  if (!isToGo || dryRun) {
    ports.print(`brindlectl ipam migrate ${name} --to ${to} --delete removes it`);
    return 0;
  }
  // By now somebody who has not heard that the pool is closed may have given an address of it.
  const outcome = await clientOn(store, ports).delete({ kind: "IPPool", name });
  if (outcome.kind === "refused")
    throw failed(`IPPool ${name}: ${outcome.problems.map(({ reason }) => reason).join("; ")}`);
  if ("text" in outcome) throw failed(outcome.text);
  ports.print(`IPPool ${name} is deleted, with its empty blocks`);
  return 0;
}

/** Of a large cluster's endpoints none is read where blocks tell whose all is. */
async function namedRows(store: Store, rows: readonly AddressRow[]): Promise<readonly AddressRow[]> {
  if (rows.every(({ owner }) => owner !== "")) return rows;
  return namedByEndpoints(rows, readableEndpoints(await store.list("WorkloadEndpoint")));
}

function isIn({ cidr }: Pick<IPAMBlock, "cidr">, { spec }: IPPool): boolean {
  const block = parsePrefix(cidr);
  const range = parsePrefix(spec.cidr);
  return block !== null && range !== null && containsPrefix(range, block);
}

const columns = [
  { header: "IP", cell: ({ address }: AddressRow) => address },
  { header: "NODE", cell: ({ node }: AddressRow) => node },
  { header: "OWNER", cell: ({ owner }: AddressRow) => owner },
];
