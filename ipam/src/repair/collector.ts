/**
 * Reads a cluster's addresses, and repairs what has been wrong for long enough. Nothing is done on a reading that is not
 * whole: a list that fails ends the pass, and what was seen before waits for the next one.
 */
import {
  type IPPool,
  type Item,
  ipamConfigName,
  ipamConfigurationName,
  type Kind,
  type Store,
  StoreError,
  type Undecodable,
  type Write,
} from "@brindle/api";
import { thaw } from "../block.ts";
import { blockProblems } from "../blockProblems.ts";
import { keyText } from "../conflict.ts";
import { ipamSettings } from "../settings.ts";
import type { Found } from "../state.ts";
import { examine } from "./examine.ts";
import { doubtOf, endpointText, type IpamFacts, type KubernetesFacts, withFound } from "./facts.ts";
import { type Finding, isForPeople } from "./finding.ts";
import { planRepair, type Repair } from "./plan.ts";
import { emptyQuarantine, type Quarantine, quarantined } from "./quarantine.ts";

export interface CollectorPorts {
  readonly store: Pick<Store, "list" | "commit" | "transactions">;
  /** What Kubernetes says of nodes and pods; asked last, so that an owner who was there is seen. Rejects, or is whole. */
  readonly kubernetes: () => Promise<KubernetesFacts | null>;
  /** Of a clock that only goes forward. */
  readonly nowMs: () => number;
  /** Nanoseconds since 1970: what was given back rests by the clock of whoever did it. */
  readonly now: () => bigint;
}

export interface PassOptions {
  /** Which findings are this pass's own. */
  readonly isMeant: (finding: Finding) => boolean;
  readonly graceMs: (finding: Finding) => number;
  /** Nothing is written; `repaired` then is what would have been. */
  readonly dryRun?: boolean;
  /** No repair begins after it. */
  readonly until?: AbortSignal;
}

export interface Pass {
  readonly facts: IpamFacts;
  /** All, whosever they are. */
  readonly findings: readonly Finding[];
  readonly repaired: readonly Finding[];
  /** Others wrote what the repair rests on; it is judged anew in the next pass. */
  readonly overtaken: readonly Finding[];
  /** Of those meant: seen, and not for long enough yet. */
  readonly waiting: readonly Finding[];
}

export class Collector {
  readonly #ports: CollectorPorts;
  #quarantine: Quarantine = emptyQuarantine;

  constructor(ports: CollectorPorts) {
    this.#ports = ports;
  }

  /** Rejects with a `StoreError` where the datastore is away, and has then forgotten nothing. */
  async pass({ isMeant, graceMs, dryRun = false, until }: PassOptions): Promise<Pass> {
    const { store, nowMs } = this.#ports;
    const facts = await readFacts(this.#ports);
    const findings = examine(facts);
    const meant = findings.filter((finding) => isMeant(finding) && !isForPeople(finding));
    const judged = quarantined(this.#quarantine, { findings: meant, facts }, { nowMs: nowMs(), graceMs });
    this.#quarantine = judged.quarantine;
    const outcome = dryRun ? rehearsed(judged.ripe, facts) : await repairAll(store, judged.ripe, { facts, until });
    return { facts, findings, waiting: judged.waiting, ...outcome };
  }
}

/** What was given is read before those to whom it may have been given: an owner of that moment is not missed. */
export async function readFacts({
  store,
  kubernetes,
  now,
}: Pick<CollectorPorts, "store" | "kubernetes" | "now">): Promise<IpamFacts> {
  const undecodable: Undecodable[] = [];
  const read = async <K extends Kind>(kind: K): Promise<readonly Item<K>[]> => {
    const listing = await store.list(kind);
    undecodable.push(...listing.undecodable);
    return listing.items;
  };
  const [handles, affinities, blocks] = await Promise.all([
    read("IPAMHandle"),
    read("BlockAffinity"),
    read("IPAMBlock"),
  ]);
  const [endpoints, nodes, pools] = await Promise.all([read("WorkloadEndpoint"), read("Node"), read("IPPool")]);
  await read("IPReservation"); // Nothing here goes by them, but giving does, and may have stopped.
  const time = { nowNs: now(), restSeconds: await restSecondsOf(store) };
  const facts: IpamFacts = {
    handles: byName(handles),
    affinities: byName(affinities),
    // What has rested for long enough is free, also where nobody gives an address of the block any more and so says it.
    blocks: byName(blocks.map((item) => withThawed(item, time))),
    endpoints: new Map(endpoints.map((item) => [endpointText(item.key), item])),
    nodes: byName(nodes),
    pools: pools.map(({ value }): IPPool => value),
    undecodable,
    endpointsArePods: store.transactions === "single",
    kubernetes: await kubernetes(),
  };
  const doubt = doubtOf(facts);
  if (doubt !== null) throw new StoreError({ code: "UNAVAILABLE", reason: doubt });
  return facts;
}

function withThawed(item: Item<"IPAMBlock">, time: Parameters<typeof thaw>[1]): Item<"IPAMBlock"> {
  return blockProblems(item.value).length > 0 ? item : { ...item, value: thaw(item.value, time) };
}

/** Listed, not read by name: that is what all who collect may do. What cannot be read may say any time. */
async function restSecondsOf(store: Pick<Store, "list">): Promise<number> {
  const [configs, configurations] = await Promise.all([store.list("IPAMConfig"), store.list("IPAMConfiguration")]);
  if (configs.undecodable.length + configurations.undecodable.length > 0) return Number.POSITIVE_INFINITY;
  const config = configs.items.find(({ key }) => key.name === ipamConfigName)?.value;
  const configuration = configurations.items.find(({ key }) => key.name === ipamConfigurationName)?.value;
  return ipamSettings({ config, configuration }).restSeconds;
}

async function repairAll(
  store: Pick<Store, "commit" | "transactions">,
  findings: readonly Finding[],
  { facts, until }: { readonly facts: IpamFacts; readonly until?: AbortSignal | undefined },
): Promise<Pick<Pass, "repaired" | "overtaken">> {
  const repaired: Finding[] = [];
  const overtaken: Finding[] = [];
  let present = facts;
  for (const finding of findings) {
    if (until?.aborted) break;
    const repair = planRepair(finding, present);
    if (!repair) continue;
    const { isDone, found } = await commitRepair(store, repair);
    present = withFound(present, found);
    (isDone ? repaired : overtaken).push(finding);
  }
  return { repaired, overtaken };
}

function rehearsed(findings: readonly Finding[], facts: IpamFacts): Pick<Pass, "repaired" | "overtaken"> {
  return { repaired: findings.filter((finding) => planRepair(finding, facts) !== null), overtaken: [] };
}

interface Committed {
  readonly isDone: boolean;
  readonly found: readonly Found[];
}

async function commitRepair(store: Pick<Store, "commit" | "transactions">, { writes }: Repair): Promise<Committed> {
  if (store.transactions === "many")
    return commitAll(
      store,
      writes.flatMap(({ write, isStep }) => (isStep ? [] : [write])),
    );
  const found: Found[] = [];
  const revisions = new Map<string, string>();
  for (const { write } of writes) {
    const own = revisions.get(keyText(write.key));
    const present = own !== undefined && "revision" in write ? ({ ...write, revision: own } as Write) : write;
    const { isDone, found: told } = await commitAll(store, [present]);
    found.push(...told);
    if (!isDone) return { isDone, found };
    for (const entry of told) if ("revision" in entry) revisions.set(keyText(entry.key), entry.revision);
  }
  return { isDone: true, found };
}

async function commitAll(store: Pick<Store, "commit">, writes: readonly Write[]): Promise<Committed> {
  const result = await store.commit(writes);
  if (result.kind === "conflict") return { isDone: false, found: result.current };
  const found = writes.flatMap((write): Found[] => {
    if (write.op === "expect") return [];
    if (write.op === "delete") return [{ key: write.key, value: null }];
    return [{ key: write.key, value: write.value, revision: result.revision } as Found];
  });
  return { isDone: true, found };
}

function byName<K extends Kind>(items: readonly Item<K>[]): ReadonlyMap<string, Item<K>> {
  return new Map(items.map((item) => [item.key.name, item]));
}
