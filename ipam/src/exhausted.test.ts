import { type IPPool, MemoryStore } from "@brindle/api";
import { parsePrefix } from "@brindle/net";
import { expect, it } from "vitest";
import { Allocator, type AssignResult } from "./allocator.ts";
import { type ClusterView, defaultIpamSettings } from "./assign.ts";

const four: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "four" },
  spec: { cidr: "10.0.0.0/29", blockSize: 30 },
};
const reserved = ["10.0.0.1/32", "10.0.0.6/32"].flatMap((text) => parsePrefix(text) ?? []);
const strict = { ...defaultIpamSettings, strictAffinity: true };
const keptOut = "strictAffinity keeps it from the blocks of other nodes";

const cases: {
  name: string;
  settings: Partial<ClusterView["settings"]>;
  use: { inUse: bigint; resting: bigint };
  limits: string[];
}[] = [
  { name: "nothing where all is in use or reserved", settings: {}, use: { inUse: 6n, resting: 0n }, limits: [] },
  {
    name: "what was given back and rests",
    settings: { restSeconds: 30 },
    use: { inUse: 5n, resting: 1n },
    limits: [],
  },
  {
    name: "that a node has as many blocks as it may, and may use no other's",
    settings: { ...strict, blocksPerNodeMax: 1 },
    use: { inUse: 3n, resting: 0n },
    limits: ["this node has 1 block of IPv4, as many as it may have", keptOut],
  },
  {
    name: "that nodes take no blocks",
    settings: { ...strict, autoAllocateBlocks: false },
    use: { inUse: 0n, resting: 0n },
    limits: ["nodes may take no further blocks", keptOut],
  },
];

for (const { name, settings, use, limits } of cases)
  it(`a refusal for want of addresses tells ${name}`, async () => {
    const view = { pools: [four], nodeLabels: {}, reserved, settings: { ...defaultIpamSettings, ...settings } };
    const ports = { store: new MemoryStore(), now: () => 1_767_225_600_000_000_000n, view: () => view };
    const allocator = new Allocator({ node: "node1" }, ports);
    let result: AssignResult | undefined;
    for (let i = 0; result?.kind !== "poolExhausted" && i < 8; i++)
      result = await allocator.assign({ handleId: `net.${i}`, attributes: {}, families: [4] });
    if (use.resting > 0n) {
      await allocator.release("net.0");
      result = await allocator.assign({ handleId: "net.9", attributes: {}, families: [4] });
    }
    const pools = [{ pool: "four", addresses: 8n, reserved: 2n, ...use }];
    expect(result).toEqual({ kind: "poolExhausted", family: 4, pools, limits });
  });
