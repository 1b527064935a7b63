/** What an operator of the model's cluster says of addresses: pools, settings, and what is kept for pods. */
import { encodeValue, etcdKey, type IPAMConfig, type IPPool, type IPReservation, type MemoryData } from "@brindle/api";
import { type ClusterView, ipamSettings, keptAddresses, keptReservation, reservedPrefixes } from "@brindle/ipam";
import { parseAddress } from "@brindle/net";
import type { Pod } from "./pods.ts";
import type { Chance } from "./random.ts";

const plain: IPAMConfig = { auto_allocate_blocks: true };
const configs: readonly IPAMConfig[] = [
  plain,
  { ...plain, strict_affinity: true },
  { ...plain, strict_affinity: true, maxBlocksPerHost: 1 },
  { ...plain, ipCooldownSeconds: 1 },
];

export class Settings {
  readonly #data: MemoryData;
  readonly #poolLength: number;
  #pools: readonly IPPool[] = [];
  #poolRevisions: ReadonlyMap<string, string> = new Map();
  #config: IPAMConfig = plain;
  #reservations: readonly IPReservation[] = [];

  /** `poolLength`: of the pool of IPv4, which is 10.0.0.0; that of IPv6 is as large. */
  constructor(data: MemoryData, poolLength: number) {
    this.#data = data;
    this.#poolLength = poolLength;
    this.#setPools([this.#four(), pool("six", `fd00::/${poolLength + 96}`)]);
  }

  /** What an agent knows: it hears of all of it at once. */
  view(node: string): ClusterView {
    return {
      pools: this.#pools,
      poolRevisions: this.#poolRevisions,
      nodeLabels: { node },
      reserved: reservedPrefixes(this.#reservations),
      settings: ipamSettings({ config: this.#config }),
      kept: (pod) => keptAddresses(pod, this.#reservations),
    };
  }

  changePools(chance: Chance): void {
    const four = chance.pick<IPPool[]>([
      [this.#four()],
      [this.#four()],
      [this.#four({ blockSize: 29 })],
      [this.#four({ disabled: true }), pool("other", `10.1.0.0/${this.#poolLength}`)],
      [pool("four", `10.0.0.0/${this.#poolLength + 1}`)],
    ]);
    this.#setPools([...four, ...this.#pools.filter(({ metadata }) => metadata.name === "six")]);
  }

  changeConfig(chance: Chance): void {
    this.#config = chance.pick(configs);
  }

  reset(): void {
    this.#config = plain;
  }

  /** An address of some pod is kept for it from now on, or none is kept any more. */
  keep(chance: Chance, pods: readonly Pod[]): void {
    const told = pods.filter((pod) => pod.told !== null);
    if (told.length === 0 || chance.part() < 0.3) {
      this.#reservations = [];
      return;
    }
    const pod = chance.pick(told);
    const addresses = (pod.told ?? []).map(parseAddress).filter((address) => address !== null);
    this.#reservations = [keptReservation({ namespace: "default", pod: pod.name }, { set: "set", addresses })];
  }

  #four(more: Partial<IPPool["spec"]> = {}): IPPool {
    return pool("four", `10.0.0.0/${this.#poolLength}`, more);
  }

  /** What agents have sent rests on what was before. */
  #setPools(pools: readonly IPPool[]): void {
    const before = new Map(this.#pools.map((one) => [one.metadata.name, JSON.stringify(one.spec)]));
    const names = new Set(pools.map(({ metadata }) => metadata.name));
    for (const name of before.keys()) if (!names.has(name)) this.#data.writeText(keyOf(name), null);
    for (const one of pools) {
      const { name } = one.metadata;
      if (before.get(name) !== JSON.stringify(one.spec))
        this.#data.writeText(keyOf(name), encodeValue({ kind: "IPPool", name }, one));
    }
    this.#pools = pools;
    this.#poolRevisions = new Map([...names].map((name) => [name, this.#data.entry(keyOf(name))?.revision ?? ""]));
  }
}

function keyOf(name: string): string {
  return etcdKey({ kind: "IPPool", name });
}

function pool(name: string, cidr: string, more: Partial<IPPool["spec"]> = {}): IPPool {
  const blockSize = cidr.includes(":") ? 126 : 30;
  const spec = { cidr, blockSize, ...more };
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec };
}
