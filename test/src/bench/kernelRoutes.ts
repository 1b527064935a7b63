import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KernelChange, parseAddress, parsePrefix } from "@brindle/net";
import { openRouteSocket } from "@brindle/net/shell";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { elapsedMs, median, type Row } from "./row.ts";

const count = 100_000;
const gateway = "10.99.0.2";
const repetitions = 3;

/** /24 routes by one gateway: `ip -batch`, and our netlink socket with its batches. */
export const kernelRoutesRow: Row = {
  name: `${count.toLocaleString("en")} kernel routes`,
  unit: "routes/s",
  better: "higher",
  async measure(instance) {
    const batch = join(await instance.createDirectory("bench"), "routes");
    await writeFile(
      batch,
      `${prefixes()
        .map((prefix) => `route add ${prefix} via ${gateway}`)
        .join("\n")}\n`,
    );
    const anchor: number[] = [];
    const ours: number[] = [];
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      anchor.push(
        await inFreshNamespace(instance, (at) =>
          elapsedMs(() => at.exec("ip", ["-batch", batch], { deadlineMs: 60_000 })),
        ),
      );
      ours.push(await inFreshNamespace(instance, addOurs));
    }
    const perSecond = (ms: readonly number[]): number => (count / median(ms)) * 1_000;
    return { anchor: { name: "ip -batch", figure: perSecond(anchor) }, ours: perSecond(ours) };
  },
};

async function inFreshNamespace(instance: Instance, work: (at: Namespace) => Promise<number>): Promise<number> {
  await using namespace = await createNamespace("routes", { instance });
  await using peer = await createNamespace("gateway", { instance });
  await linkNamespaces(
    { namespace, name: "eth0", addresses: ["10.99.0.1/24"] },
    { namespace: peer, name: "eth0", addresses: [`${gateway}/24`] },
  );
  const ms = await work(namespace);
  const present = (await namespace.exec("ip", ["-4", "route", "show", "root", "20.0.0.0/6"])).split("\n").length - 1;
  if (present !== count) throw new RangeError(`${present} routes are in the kernel, not ${count}`);
  return ms;
}

/** Timed from routes as values, which is what an agent has; `ip` is timed from text, which is what it takes. */
async function addOurs(at: Namespace): Promise<number> {
  const via = parseAddress(gateway);
  using socket = await openRouteSocket({ namespace: at.path });
  const link = await socket.link("eth0");
  const changes = prefixes().flatMap((prefix): KernelChange[] => {
    const destination = parsePrefix(prefix);
    if (!destination || !via || !link) return [];
    return [{ op: "addRoute", route: { destination, nextHops: [{ gateway: via, interfaceIndex: link.index }] } }];
  });
  return await elapsedMs(async () => {
    const failed = (await socket.apply(changes)).find(({ kind }) => kind === "failed");
    if (failed?.kind === "failed") throw failed.error;
  });
}

function prefixes(): string[] {
  return Array.from({ length: count }, (_, index) => `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`);
}
