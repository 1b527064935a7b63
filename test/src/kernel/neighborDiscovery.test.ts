/** Router advertisements of one interface: who is heard, and that it is never ourselves. */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const net = fileURLToPath(new URL("../../../net/src/shell/neighborDiscovery.ts", import.meta.url));
/** Advertises each 20 ms, and says whom it hears. */
const script = `
const { openNeighborDiscovery } = await import(${JSON.stringify(net)});
const { formatAddress } = await import(${JSON.stringify(net.replace("shell/neighborDiscovery.ts", "address.ts"))});
const discovery = openNeighborDiscovery("eth0");
let turns = 0;
setInterval(() => {
  try { discovery.advertise(); } catch {}
  for (const address of discovery.heard()) console.log("heard " + formatAddress(address));
  console.log("turn " + ++turns);
}, 20);
`;

describe("router advertisements", () => {
  it("come from the other end alone, while it is there and when the link is down", async () => {
    await using east = await createNamespace("nd-east");
    await using west = await createNamespace("nd-west");
    await linkNamespaces({ namespace: east, name: "eth0" }, { namespace: west, name: "eth0" });
    const options = ["--conditions=brindle-source", "--input-type=module", "-e", script];
    await using one = east.spawn(process.execPath, options);
    await using other = west.spawn(process.execPath, options);
    for (const each of [one, other]) {
      await waitFor(() => each.output().includes("heard"), { what: "the other end is heard", deadlineMs: 30_000 });
    }
    const theirs = /inet6 (fe80\S+)\//.exec(await west.ip("-6 address show dev eth0"))?.[1];
    await west.exec("ip", ["link", "set", "eth0", "down"]);
    const turns = (): number =>
      Number(
        one
          .output()
          .match(/turn (\d+)/g)
          ?.at(-1)
          ?.slice(5),
      );
    const then = turns();
    await waitFor(() => turns() > then + 20, { what: "it has looked some times more", deadlineMs: 30_000 });
    const heard = new Set(one.output().match(/heard \S+/g));
    expect([...heard]).toEqual([`heard ${theirs}`]);
  });
});
