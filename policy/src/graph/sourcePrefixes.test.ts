import assert from "node:assert/strict";
import { type Family, type Prefix, parseAddress, parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { readSources, type SendingEnd, sourcesOf } from "./sourcePrefixes.ts";

function end(name: string, addresses: readonly string[], sources: readonly string[]): SendingEnd {
  return {
    id: `shop/${name}`,
    interfaceName: `cali${name}`,
    addresses: addresses.flatMap((text) => parseAddress(text) ?? []),
    sources: readSources(sources),
  };
}

function many(count: number, sources: readonly string[]): SendingEnd[] {
  return Array.from({ length: count }, (_, at) => end(`${at}`, [`10.65.${at >> 8}.${at & 255}`], sources));
}

function textsOf(ends: readonly SendingEnd[], family: Family): string[] {
  const { elements } = sourcesOf(ends, "Any");
  return ends.flatMap((one) => (elements[family].get(one) ?? []).map(([text]) => text));
}

describe("the networks from which a pod may send", () => {
  const cases: { name: string; of: SendingEnd; v4: string[]; v6: string[] }[] = [
    {
      name: "are those that it names, each of its family",
      of: end("a", ["10.65.0.1", "fd65::1"], ["198.51.100.7/24", "2001:db8::/64"]),
      v4: ["198.51.100.0/24,calia"],
      v6: ["2001:db8::/64,calia"],
    },
    {
      name: "may be all of them, which a set takes in halves",
      of: end("a", ["10.65.0.1"], ["0.0.0.0/0"]),
      v4: ["0.0.0.0/1,calia", "128.0.0.0/1,calia"],
      v6: [],
    },
    {
      name: "are none of a family in which it has no address",
      of: end("a", ["10.65.0.1"], ["2001:db8::/64"]),
      v4: [],
      v6: [],
    },
    {
      name: "are told once, and its own address not at all",
      of: end("a", ["10.65.0.1"], ["198.51.100.0/24", "198.51.100.9/24", "10.65.0.1/32"]),
      v4: ["198.51.100.0/24,calia"],
      v6: [],
    },
  ];
  for (const { name, of, v4, v6 } of cases) {
    it(name, () => assert.deepEqual([textsOf([of], 4), textsOf([of], 6)], [v4, v6]));
  }

  it("are none where the cluster allows it to nobody, and it is said", () => {
    const { elements, problems } = sourcesOf([end("a", ["10.65.0.1"], ["198.51.100.0/24"])], "Disabled");
    assert.deepEqual([elements[4].size, elements[6].size], [0, 0]);
    assert.match(problems.get("shop/a") ?? "", /^spec\.allowSpoofedSourcePrefixes: without effect, as workloadSource/);
    assert.equal(sourcesOf([end("b", ["10.65.0.2"], [])], "Disabled").problems.size, 0);
  });

  it("are the same addresses in smaller parts for those behind the thirty-second", () => {
    const ends = many(100, ["198.51.100.0/24"]);
    const { elements, problems } = sourcesOf(ends, "Any");
    const parts = ends.map((one) => (elements[4].get(one) ?? []).map(([, element]) => element));
    assert.equal(problems.size, 0);
    for (const of of parts) assert.equal(addressesIn(of), 256n);
    const holders = Map.groupBy(parts.flat(), ({ address, length }) => `${address.value}/${length}`);
    assert(Math.max(...[...holders.values()].map(({ length }) => length)) <= 32);
    assert.deepEqual([parts[31]?.length, parts[32]?.length, parts[99]?.length], [1, 2, 8]);
  });

  it("are left out, and it is said, where one address has too many senders", () => {
    const { elements, problems } = sourcesOf(many(34, ["198.51.100.9/32"]), "Any");
    assert.equal(elements[4].size, 32);
    assert.deepEqual([...problems.keys()], ["shop/32", "shop/33"]);
    assert.match(problems.get("shop/32") ?? "", /198\.51\.100\.9\/32: too many pods/);
  });

  it("leave room for the pods whose own address it is", () => {
    const owners = Array.from({ length: 32 }, (_, at) => end(`o${at}`, ["198.51.100.9"], []));
    assert.deepEqual(textsOf([...owners, end("a", ["10.65.0.1"], ["198.51.100.9/32"])], 4), []);
  });

  it("are read as they are written, with host bits or without a length", () => {
    assert.deepEqual(readSources(["198.51.100.7/24", "2001:db8::7", "no network"]), [
      parsePrefix("198.51.100.0/24"),
      parsePrefix("2001:db8::7/128"),
    ]);
  });
});

/** Of networks that have none in common. */
function addressesIn(networks: readonly Prefix[]): bigint {
  return networks.reduce((sum, { length }) => sum + (1n << BigInt(32 - length)), 0n);
}
