import type { ApiResource, IPAMConfig, IPPool, IPReservation, Item, WatchEvent } from "@brindle/api";
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
const config: IPAMConfig = { strict_affinity: true, auto_allocate_blocks: true, ipCooldownSeconds: 600 };

describe("the controller of Services' addresses", () => {
  let tell: (event: WatchEvent) => void;
  let tellServices: (news: News<unknown>) => void;
  let read: (object: never) => unknown;
  /** What each Service was told, and what was said of it, in order. */
  let heard: string[];
  let ending: AbortController;
  let ended: Promise<void>;

  beforeEach(async () => {
    heard = [];
    ending = new AbortController();
    const store = Object.assign(new MemoryStore(), {
      watch: (_kinds: unknown, listener: typeof tell) => {
        tell = listener;
        return { stop: async () => {}, stalenessMs: () => null };
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
    const key = { kind: "IPPool", name: "services" } as const;
    const stored = await store.commit([{ op: "create", key, value: pool }]);
    if (stored.kind === "committed") changed(key, pool, stored.revision);
  });
  afterEach(async () => {
    ending.abort();
    await ended;
  });

  function changed(key: { readonly kind: string; readonly name: string }, value: unknown, revision = "1"): void {
    tell({ type: "changed", item: { key, value, revision } as unknown as Item });
  }

  function torn(key: typeof reservationKey | typeof configKey, partial?: JsonValue): void {
    tell({ type: "undecodable", key, reason: "it is no JSON", ...(partial !== undefined && { partial }) });
  }

  function allIsTold(): void {
    for (const kind of ["IPPool", "IPReservation", "IPAMConfig"] as const) tell({ type: "inSync", kind });
    tellServices({ type: "inSync" });
  }

  async function service(name: string): Promise<string> {
    const before = heard.length;
    const metadata = { namespace: "shop", name, uid: name };
    const object = read({ metadata, spec: { type: "LoadBalancer", ipFamilies: ["IPv4"] } } as never);
    tellServices({ type: "changed", item: { id: `shop/${name}`, object } } as News<unknown>);
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(before));
    return heard[before] ?? "";
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

  for (const known of [true, false])
    it(`lets rest what was given back while the time cannot be read, ${known ? "by what was known" : "never known"}`, async () => {
      if (known) changed(configKey, config);
      torn(configKey);
      changed(reservationKey, reservation);
      allIsTold();
      expect(await service("old")).toBe("old: 10.9.0.3");
      tellServices({ type: "deleted", id: "shop/old" } as News<unknown>);
      expect(await service("web")).toBe(isLeft);
    });
});
