import {
  formatSetElement,
  isKernelError,
  type KernelError,
  parsePrefix,
  parseSetElement,
  type SetElement,
  splitForSet,
} from "@brindle/net";
import { type IpsetSocket, openIpsetSocket } from "@brindle/net/shell";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";

let node: Namespace;
let sets: IpsetSocket;

beforeAll(async () => {
  node = await createNamespace("ipset");
  sets = await openIpsetSocket({ namespace: node.path });
});
afterAll(async () => {
  sets?.close();
  await node?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await node.exec("ipset", ["destroy"]);
});

function elements(texts: readonly string[]): SetElement[] {
  return texts.map((text) => {
    const element = parseSetElement(text);
    if (!element) throw new Error(`${text} is no element`);
    return element;
  });
}

/** What the `ipset` command says that the set holds. */
async function shown(name: string): Promise<string[]> {
  const text = await node.exec("ipset", ["save", name]);
  return [...text.matchAll(/^add \S+ (\S+)$/gm)].map((match) => match[1] ?? "").sort();
}

async function failureOf(promise: Promise<unknown>): Promise<KernelError["failure"] | null> {
  return promise.then(
    () => null,
    (error: unknown) => (isKernelError(error) ? error.failure : Promise.reject(error)),
  );
}

describe("sets", () => {
  const rows = [
    {
      definition: { name: "b4net", type: "hash:net", family: 4, maxElements: 1_000_000, hashSize: 2048 },
      members: ["10.0.0.0/8", "192.0.2.1/32"],
      asShown: ["10.0.0.0/8", "192.0.2.1"],
      header: "b4net hash:net family inet hashsize 2048 maxelem 1000000",
    },
    {
      definition: { name: "b6net", type: "hash:net", family: 6 },
      members: ["2001:db8::/32", "fd00::1/128"],
      asShown: ["2001:db8::/32", "fd00::1"],
      header: "b6net hash:net family inet6 hashsize 1024 maxelem 65536",
    },
    {
      definition: { name: "b4port", type: "hash:ip,port", family: 4 },
      members: ["10.0.0.1,tcp:80", "10.0.0.1,udp:80", "10.0.0.2,sctp:7"],
      asShown: ["10.0.0.1,tcp:80", "10.0.0.1,udp:80", "10.0.0.2,sctp:7"],
      header: "b4port hash:ip,port family inet hashsize 1024 maxelem 65536",
    },
    {
      definition: { name: "b6port", type: "hash:ip,port", family: 6 },
      members: ["2001:db8::1,tcp:443"],
      asShown: ["2001:db8::1,tcp:443"],
      header: "b6port hash:ip,port family inet6 hashsize 1024 maxelem 65536",
    },
  ] as const;
  for (const { definition, members, asShown, header } of rows) {
    it(`of type ${definition.type} for IPv${definition.family} are as the ipset command shows them`, async () => {
      await sets.create(definition);
      await sets.add(definition.name, elements(members));
      expect(await node.exec("ipset", ["save", definition.name])).toContain(`create ${header}`);
      expect(await shown(definition.name)).toEqual([...asShown].sort());
      const told = await sets.get(definition.name);
      expect(told).toMatchObject({ name: definition.name, type: definition.type, family: definition.family });
      expect(told?.members.map(formatSetElement).sort()).toEqual([...members].sort());
      await sets.delete(definition.name, elements(members.slice(0, 1)));
      expect((await sets.get(definition.name))?.members).toHaveLength(members.length - 1);
      await sets.flush(definition.name);
      expect(await shown(definition.name)).toEqual([]);
      await sets.destroy(definition.name);
      expect(await sets.get(definition.name)).toBeNull();
    });
  }

  it("are swapped and renamed", async () => {
    for (const name of ["b-live", "b-next"]) await sets.create({ name, type: "hash:net", family: 4 });
    await sets.add("b-next", elements(["10.0.0.0/8"]));
    await sets.swap("b-live", "b-next");
    expect([await shown("b-live"), await shown("b-next")]).toEqual([["10.0.0.0/8"], []]);
    await sets.rename("b-next", "b-old");
    expect((await sets.names()).sort()).toEqual(["b-live", "b-old"]);
  });

  it("hold 20,000 elements, which are listed whole", async () => {
    await sets.create({ name: "b-many", type: "hash:net", family: 6, maxElements: 100_000 });
    const many = Array.from({ length: 20_000 }, (_, i): SetElement => {
      return { address: { family: 6, value: (0x2001n << 112n) | (BigInt(i) << 64n) }, length: 64 };
    });
    await sets.add("b-many", many);
    const told = await sets.get("b-many");
    expect(new Set(told?.members.map(formatSetElement))).toEqual(new Set(many.map(formatSetElement)));
    expect(await shown("b-many")).toHaveLength(20_000);
    await sets.delete("b-many", many.slice(1));
    expect(await shown("b-many")).toEqual(["2001::/64"]);
  });

  it("take everything as two halves, and nothing else", async () => {
    await sets.create({ name: "b-all", type: "hash:net", family: 4 });
    const everything = parsePrefix("0.0.0.0/0");
    const whole = everything ? [everything] : [];
    expect(await failureOf(sets.add("b-all", whole))).toMatchObject({
      code: "INVALID",
      name: "IPSET_ERR_INVALID_CIDR",
    });
    await sets.add("b-all", whole.flatMap(splitForSet));
    expect(await shown("b-all")).toEqual(["0.0.0.0/1", "128.0.0.0/1"]);
  });

  it("take what is there already, and give up what is not", async () => {
    await sets.create({ name: "b-twice", type: "hash:net", family: 4 });
    const one = elements(["10.0.0.0/8"]);
    await sets.add("b-twice", [...one, ...one]);
    await sets.add("b-twice", one);
    await sets.delete("b-twice", one);
    await sets.delete("b-twice", one);
    expect(await shown("b-twice")).toEqual([]);
  });

  it("fail with words that name the element or the set", async () => {
    await sets.create({ name: "b-small", type: "hash:net", family: 4, maxElements: 100 });
    const full = await failureOf(
      sets.add("b-small", elements(Array.from({ length: 500 }, (_, i) => `10.${i >> 8}.${i & 255}.1`))),
    );
    expect(full).toMatchObject({ code: "NO_RESOURCES", text: "the set is full" });
    expect(full?.code === "NO_RESOURCES" && full.object).toMatch(/^add to set b-small, element 10\.\d+\.\d+\.1\/32$/);
    const create = sets.create({ name: "b-small", type: "hash:net", family: 4 });
    expect(await failureOf(create)).toMatchObject({ code: "EXISTS" });
    expect(await failureOf(sets.flush("b-nothere"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await failureOf(sets.add("b-nothere", elements(["10.0.0.0/8"])))).toMatchObject({ code: "NOT_FOUND" });
    await sets.create({ name: "b-used", type: "hash:net", family: 4 });
    await node.exec("iptables-nft", ["-A", "INPUT", "-m", "set", "--match-set", "b-used", "src", "-j", "DROP"]);
    expect(await failureOf(sets.destroy("b-used"))).toMatchObject({ code: "BUSY" });
    await node.exec("iptables-nft", ["-F", "INPUT"]);
    await expect(sets.create({ name: "b".repeat(32), type: "hash:net", family: 4 })).rejects.toThrow("31 bytes");
  });

  it("come and go to make room for others, which stay", async () => {
    await sets.create({ name: "b-stays", type: "hash:net", family: 4 });
    await sets.create({ name: "b_room_3", type: "hash:net", family: 4 }); // As left by somebody who died meanwhile.
    let isMade = false;
    let most = 0;
    const made = sets.makeRoom({ prefix: "b_room_", sets: 1_000 }).then(() => {
      isMade = true;
    });
    while (!isMade) most = Math.max(most, (await sets.names()).length);
    await made;
    expect(most).toBeGreaterThan(2);
    // The kernel keeps what is being listed as it is to be destroyed; whoever makes room the next time takes it along.
    await sets.makeRoom({ prefix: "b_room_", sets: 1_000 });
    expect(await sets.names()).toEqual(["b-stays"]);
  });
});
