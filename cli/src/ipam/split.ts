/**
 * `ipam split`: a pool becomes several that are parts of it, under the names that calicoctl gives them. No address changes: blocks lie
 * in one part or another. One transaction where there are any; else in an order that can be done again from any point.
 */
import { formatTimestamp, type IPPool, type Item, type Store, type Write } from "@brindle/api";
import { parsePool } from "@brindle/ipam";
import { addressBits, addToAddress, formatPrefix, type Prefix } from "@brindle/net";
import type { ExitCode } from "../command.ts";
import { failed, usage } from "../error.ts";
import type { Ports } from "../ports.ts";

export interface SplitOptions {
  readonly cidr?: string;
  readonly name?: string;
}

/** etcd takes 128 operations; more parts than this are no plan of anybody's. */
const partsMax = 64;
const nameLengthMax = 253;

export async function splitPool(count: number, { cidr, name }: SplitOptions, ports: Ports): Promise<ExitCode> {
  if ((cidr === undefined) === (name === undefined)) throw usage("say which pool: --name or --cidr, one of them");
  const bits = Math.log2(count);
  if (!Number.isInteger(bits) || bits < 1 || count > partsMax)
    throw usage(`a pool is split into 2, 4, 8 and so on, up to ${partsMax} parts, not ${count}`);
  const store = await ports.store();
  const pools = (await store.list("IPPool")).items;
  const pool = pools.find(({ value }) => value.metadata.name === name || value.spec.cidr === cidr);
  if (!pool) throw failed(`there is no IPPool ${name ?? `of ${cidr}`}`);
  const parts = partsOf(pool.value, bits, ports);
  await (store.transactions === "many" ? atOnce(store, pool, parts) : inOrder(store, pool, { parts, ports }));
  ports.print(`IPPool ${pool.value.metadata.name} is split into ${count}`);
  for (const { metadata, spec } of parts) ports.print(`${metadata.name} ${spec.cidr}`);
  return 0;
}

function partsOf({ metadata, spec }: IPPool, bits: number, { newUid, nowMs }: Ports): IPPool[] {
  const parsed = parsePool({ apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata, spec });
  if ("reason" in parsed) throw failed(`IPPool ${metadata.name}: ${parsed.reason}`);
  const length = parsed.prefix.length + bits;
  if (length > parsed.blockLength)
    throw failed(
      `each part of ${spec.cidr} would be a /${length}, smaller than one of its blocks of /${parsed.blockLength}`,
    );
  const { uid: _uid, creationTimestamp: _time, name, annotations, ...others } = metadata;
  const left = withoutMark(annotations);
  return Array.from({ length: 2 ** bits }, (_, index) => ({
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: {
      ...others,
      ...(left && { annotations: left }),
      name: `split-${name.slice(0, nameLengthMax - 8 - String(index).length)}-${index}`,
      ...{ uid: newUid(), creationTimestamp: formatTimestamp(nowMs()) },
    },
    spec: { ...spec, cidr: formatPrefix(partOf(parsed.prefix, length, index)) },
  }));
}

function partOf({ address }: Prefix, length: number, index: number): Prefix {
  const size = 1n << BigInt(addressBits[address.family] - length);
  return { address: addToAddress(address, BigInt(index) * size), length };
}

function keyOf(pool: IPPool) {
  return { kind: "IPPool", name: pool.metadata.name } as const;
}

async function atOnce(store: Store, pool: Item<"IPPool">, parts: readonly IPPool[]): Promise<void> {
  const made = parts.map((value): Write => ({ op: "create", key: keyOf(value), value }));
  const result = await store.commit([{ op: "delete", key: pool.key, revision: pool.revision }, ...made]);
  if (result.kind === "conflict") throw inTheWay(pool.value);
}

/** No address is given of the pool from the first step on until its part is there. */
async function inOrder(
  store: Store,
  { key, value, revision }: Item<"IPPool">,
  { parts, ports }: { readonly parts: readonly IPPool[]; readonly ports: Ports },
): Promise<void> {
  const made = await madeBefore(store, parts);
  const isMarked = value.metadata.annotations?.[closedAnnotation] === "true";
  const isOpen = value.spec.disabled !== true || (isMarked && made.size > 0);
  if (isMarked && !isOpen)
    ports.warn(
      `IPPool ${value.metadata.name} is disabled, and so are its parts: a split that was interrupted, or somebody since, disabled it`,
    );
  const annotations = { ...withoutMark(value.metadata.annotations), ...(isOpen && { [closedAnnotation]: "true" }) };
  const metadata = { ...value.metadata, annotations };
  const closed: IPPool = { ...value, metadata, spec: { ...value.spec, disabled: true } };
  const first = await store.commit([{ op: "update", key, value: closed, revision }]);
  if (first.kind === "conflict") throw inTheWay(value);
  for (const part of parts.filter(({ metadata: { name } }) => !made.has(name))) {
    const opened: IPPool = { ...part, spec: { ...part.spec, disabled: !isOpen } };
    if ((await store.commit([{ op: "create", key: keyOf(part), value: opened }])).kind === "conflict")
      throw inTheWay(part);
  }
  const last = await store.commit([{ op: "delete", key, revision: first.revision }]);
  if (last.kind === "conflict") throw inTheWay(value);
}

/**
 * Of a pool that a split has closed, and that was open before: so are its parts, also where the split is said again. Only where a part of
 * it is there: the mark stays when an operator opens the pool after all, and may disable it on purpose later.
 */
const closedAnnotation = "brindle.network/closed-by-split";

function withoutMark(annotations: IPPool["metadata"]["annotations"] = {}): Readonly<Record<string, string>> | null {
  const { [closedAnnotation]: _mark, ...others } = annotations;
  return Object.keys(others).length > 0 ? others : null;
}

/** The names of parts that an interrupted split made. Looked at before anything is closed: another pool may have the name. */
async function madeBefore(store: Store, parts: readonly IPPool[]): Promise<ReadonlySet<string>> {
  const made = new Set<string>();
  for (const part of parts) {
    const present = await store.get(keyOf(part));
    if (present && present.value.spec.cidr !== part.spec.cidr) throw inTheWay(part);
    if (present) made.add(part.metadata.name);
  }
  return made;
}

function inTheWay({ metadata }: IPPool) {
  return failed(
    `IPPool ${metadata.name} was changed meanwhile, or a pool of that name is there already; look, and try again`,
  );
}
