import type {
  ApiResource,
  IPAMConfig,
  IPAMConfiguration,
  IPPool,
  IPReservation,
  Item,
  Kind,
  WatchEvent,
  WorkloadEndpoint,
} from "@brindle/api";
import { type JsonValue, MemoryStore } from "@brindle/api";
import type { News } from "@brindle/api/shell";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ControllerContext } from "./controller.ts";
import { serviceAddresses } from "./serviceAddresses.ts";

const apiVersion = "projectcalico.org/v3";
const pool: IPPool = {
  ...{ apiVersion, kind: "IPPool", metadata: { name: "services" } },
  spec: { cidr: "10.9.0.0/30", blockSize: 30, allowedUses: ["LoadBalancer"] },
};
const reservationKey = { kind: "IPReservation", name: "gateways" } as const;
/** All but 10.9.0.3. */
const reservation: IPReservation = {
  ...{ apiVersion, kind: "IPReservation", metadata: { name: "gateways" } },
  spec: { reservedCIDRs: ["10.9.0.0/31", "10.9.0.2/32"] },
};
const configKey = { kind: "IPAMConfig", name: "default" } as const;
const configurationKey = { kind: "IPAMConfiguration", name: "default" } as const;
const configuration: IPAMConfiguration = {
  ...{ apiVersion, kind: "IPAMConfiguration", metadata: { name: "default" }, spec: { ipCooldownSeconds: 600 } },
};
const endpointKey = { kind: "WorkloadEndpoint", namespace: "shop", name: "n1-k8s-old-eth0" } as const;
const isTheirs = "the WorkloadEndpoint shop/n1-k8s-old-eth0 has it";

function endpoint(ipNetworks: readonly string[], externalIP?: string): WorkloadEndpoint {
  const { namespace, name } = endpointKey;
  const ipNATs = externalIP === undefined ? [] : [{ internalIP: ipNetworks[0]?.split("/")[0] ?? "", externalIP }];
  const spec = { orchestrator: "k8s", node: "n1", pod: "old", endpoint: "eth0", ipNetworks, ipNATs };
  return { apiVersion, kind: "WorkloadEndpoint", metadata: { namespace, name }, spec };
}

function ofHolder(value: WorkloadEndpoint): WatchEvent {
  return { type: "changed", item: { key: endpointKey, value, revision: "1" } };
}

const config: IPAMConfig = { strict_affinity: true, auto_allocate_blocks: true, ipCooldownSeconds: 600 };

describe("the controller of Services' addresses", () => {
  let tell: (event: WatchEvent) => void;
  /** Of the watches of endpoints, in order; none is told that it is whole. */
  let endpointWatches: { readonly tell: (event: WatchEvent) => void; isStopped: boolean }[];
  let tellServices: (news: News<unknown>) => void;
  let read: (object: never) => unknown;
  /** What each Service was told, and what was said of it, in order. */
  let heard: string[];
  let addPool: (pool: IPPool) => Promise<void>;
  let ending: AbortController;
  let ended: Promise<void>;

  beforeEach(async () => {
    heard = [];
    endpointWatches = [];
    ending = new AbortController();
    const store = Object.assign(new MemoryStore(), {
      watch: (kinds: readonly Kind[], listener: typeof tell) => {
        const watch = { tell: listener, isStopped: false };
        if (kinds.includes("WorkloadEndpoint")) endpointWatches.push(watch);
        else tell = listener;
        const stop = async () => {
          watch.isStopped = true;
        };
        return { stop, stalenessMs: () => null };
      },
    });
    const api = {
      follow: (_resource: ApiResource, reader: typeof read, onNews: typeof tellServices) => {
        [read, tellServices] = [reader, onNews];
        return { stop: async () => {} };
      },
      send: async (_resource: ApiResource, { path, body }: { path: string; body: string }) => {
        const name = path.split("/").at(-2);
        const { ingress } = JSON.parse(body).status.loadBalancer;
        heard.push(`${name}: ${ingress.map(({ ip }: { ip: string }) => ip).join()}`);
        return { kind: "done" };
      },
    };
    const lines = { write: (line: string) => heard.push(`${JSON.parse(line).service}: ${JSON.parse(line).reason}`) };
    const context = {
      ...{ name: "loadBalancer", configuration: { loadBalancer: {} }, datastore: "etcdv3" },
      ...{ api, store, onHealth: () => {}, log: pino({ level: "warn" }, lines) },
    };
    ended = serviceAddresses.run(context as unknown as ControllerContext, ending.signal);
    addPool = async (value) => {
      const key = { kind: "IPPool", name: value.metadata.name } as const;
      const stored = await store.commit([{ op: "put", key, value }]);
      if (stored.kind === "committed") changed(key, value, stored.revision);
    };
    await addPool(pool);
  });
  afterEach(async () => {
    ending.abort();
    await ended;
  });

  function changed(key: { readonly kind: string; readonly name: string }, value: unknown, revision = "1"): void {
    tell({ type: "changed", item: { key, value, revision } as unknown as Item });
  }

  function torn(key: typeof reservationKey | typeof configKey | typeof configurationKey, partial?: JsonValue): void {
    tell({ type: "undecodable", key, reason: "it is no JSON", ...(partial !== undefined && { partial }) });
  }

  function endpointsAre(...events: readonly WatchEvent[]): void {
    for (const event of events) endpointWatches.at(-1)?.tell(event);
    endpointWatches.at(-1)?.tell({ type: "inSync", kind: "WorkloadEndpoint" });
  }

  function allButEndpointsIsTold(): void {
    for (const kind of ["IPPool", "IPReservation", "IPAMConfig", "IPAMConfiguration"] as const)
      tell({ type: "inSync", kind });
    tellServices({ type: "inSync" });
  }

  function allIsTold(...events: readonly WatchEvent[]): void {
    allButEndpointsIsTold();
    endpointsAre(...events);
  }

  /** The first news of the Service after what is done. */
  async function newsOf(name: string, act: () => void): Promise<string> {
    const before = heard.length;
    const news = () => heard.slice(before).find((line) => line.replace("shop/", "").startsWith(`${name}:`));
    act();
    await vi.waitFor(() => expect(news()).toBeDefined());
    return news() ?? "";
  }

  function service(name: string, asked?: string): Promise<string> {
    return newsOf(name, () => tellOfService(name, asked));
  }

  function tellOfService(name: string, asked?: string): void {
    const annotations = asked === undefined ? {} : { "projectcalico.org/loadBalancerIPs": JSON.stringify([asked]) };
    const metadata = { namespace: "shop", name, uid: name, annotations };
    const object = read({ metadata, spec: { type: "LoadBalancer", ipFamilies: ["IPv4"] } } as never);
    tellServices({ type: "changed", item: { id: `shop/${name}`, object } } as News<unknown>);
  }

  const isLeft = "shop/web: no IPv4 address is left in services";

  const reservations: { name: string; known: boolean; partial?: JsonValue; hears: string }[] = [
    { name: "keeps what was reserved by one that cannot be read any more", known: true, hears: "web: 10.9.0.3" },
    {
      name: "keeps what can be read of it",
      ...{ known: true, partial: { spec: { reservedCIDRs: ["10.9.0.0/32", 7] } }, hears: "web: 10.9.0.1" },
    },
    {
      name: "takes a spec without a list for one that reserves nothing",
      ...{ known: true, partial: { spec: {} }, hears: "web: 10.9.0.0" },
    },
    { name: "gives no address where what is reserved was never known", known: false, hears: isLeft },
  ];
  for (const { name, known, partial, hears } of reservations)
    it(name, async () => {
      if (known) changed(reservationKey, reservation);
      torn(reservationKey, partial);
      allIsTold();
      expect(await service("web")).toBe(hears);
    });

  it("reserves nothing by one that is gone", async () => {
    torn(reservationKey);
    tell({ type: "deleted", key: reservationKey } as WatchEvent);
    allIsTold();
    expect(await service("web")).toBe("web: 10.9.0.0");
  });

  const times = [
    { what: "IPAMConfig", key: configKey, value: config },
    { what: "IPAMConfiguration", key: configurationKey, value: configuration },
  ];
  for (const { what, key, value } of times) {
    it(`lets rest what was given back for as long as the ${what} says`, async () => {
      changed(key, value);
      changed(reservationKey, reservation);
      allIsTold();
      expect(await service("old")).toBe("old: 10.9.0.3");
      tellServices({ type: "deleted", id: "shop/old" } as News<unknown>);
      expect(await service("web")).toBe(isLeft);
    });

    for (const known of [true, false])
      it(`lets rest what was given back while the ${what} cannot be read, ${known ? "by what was known" : "never known"}`, async () => {
        if (known) changed(key, value);
        torn(key);
        changed(reservationKey, reservation);
        allIsTold();
        expect(await service("old")).toBe("old: 10.9.0.3");
        tellServices({ type: "deleted", id: "shop/old" } as News<unknown>);
        expect(await service("web")).toBe(isLeft);
      });
  }

  it("gives at once what was given back where nothing is said of a rest", async () => {
    changed(reservationKey, reservation);
    allIsTold();
    expect(await service("old")).toBe("old: 10.9.0.3");
    tellServices({ type: "deleted", id: "shop/old" } as News<unknown>);
    expect(await service("web")).toBe("web: 10.9.0.3");
  });

  it("gives nothing of a pool with a field that it does not know", async () => {
    tell({ type: "deleted", key: { kind: "IPPool", name: "services" } });
    await addPool({ ...pool, metadata: { name: "odd" }, spec: { ...pool.spec, onlyFor: "some" } } as IPPool);
    await addPool({ ...pool, metadata: { name: "plain" }, spec: { ...pool.spec, cidr: "10.8.0.0/30" } });
    allIsTold();
    expect(await service("web")).toBe("web: 10.8.0.0");
  });

  const holders: { name: string; events: readonly WatchEvent[] }[] = [
    { name: "has as its own", events: [ofHolder(endpoint(["10.9.0.0/32"]))] },
    { name: "is reached by as well", events: [ofHolder(endpoint(["10.1.0.9/32"], "10.9.0.0"))] },
    {
      name: "had when it could be read",
      events: [
        ofHolder(endpoint(["10.9.0.0/32"])),
        { type: "undecodable", key: endpointKey, reason: "it is no JSON" } as WatchEvent,
      ],
    },
    {
      name: "has by what is stored of it, which does not decode",
      events: [
        {
          ...{
            type: "undecodable",
            key: endpointKey,
            reason: "no node",
            partial: { spec: { ipNetworks: ["10.9.0.0/32"] } },
          },
        } as WatchEvent,
      ],
    },
  ];
  for (const { name, events } of holders)
    it(`gives no address that an endpoint ${name}, until that is gone`, async () => {
      allIsTold(...events);
      expect(await service("web")).toBe("web: 10.9.0.1");
      expect(await service("asks", "10.9.0.0")).toMatch(
        /^shop\/asks: 10.9.0.0: (the WorkloadEndpoint shop\/n1-k8s-old-eth0 has it|it floats to the pod shop\/old)$/,
      );
      const gone: WatchEvent = { type: "deleted", key: endpointKey };
      expect(await newsOf("asks", () => endpointWatches.at(-1)?.tell(gone))).toBe("asks: 10.9.0.0");
    });

  it("heeds an endpoint that comes later, and one whose address is another one by then", async () => {
    allIsTold();
    endpointsAre(ofHolder(endpoint(["10.9.0.0/32"])));
    expect(await service("asks", "10.9.0.0")).toBe(`shop/asks: 10.9.0.0: ${isTheirs}`);
    const moves = () => endpointsAre(ofHolder(endpoint(["10.1.0.9/32"])));
    expect(await newsOf("asks", moves)).toBe("asks: 10.9.0.0");
  });

  it("gives nothing before all endpoints are told, and of another pool before they are told anew", async () => {
    allButEndpointsIsTold();
    tellOfService("web");
    await vi.waitFor(() => expect(endpointWatches.length).toBe(1));
    expect(await newsOf("web", () => endpointsAre())).toBe("web: 10.9.0.0");
    await addPool({ ...pool, metadata: { name: "more" }, spec: { ...pool.spec, cidr: "10.8.0.0/30" } });
    expect(endpointWatches.length).toBe(2);
    tellOfService("asks", "10.8.0.0");
    const isToldAnew = () => endpointsAre(ofHolder(endpoint(["10.8.0.0/32"])));
    expect(await newsOf("asks", isToldAnew)).toBe(`shop/asks: 10.8.0.0: ${isTheirs}`);
    expect(endpointWatches.map(({ isStopped }) => isStopped)).toEqual([true, false]);
  });

  it("follows no endpoints where no pool is for Services", async () => {
    tell({ type: "deleted", key: { kind: "IPPool", name: "services" } });
    allButEndpointsIsTold();
    expect(endpointWatches.length).toBe(0);
    await addPool(pool);
    expect(endpointWatches.length).toBe(1);
    endpointsAre();
    tell({ type: "deleted", key: { kind: "IPPool", name: "services" } });
    expect(endpointWatches.map(({ isStopped }) => isStopped)).toEqual([true]);
  });
});
