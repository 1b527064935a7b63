/**
 * No packet before the policy: pods that come and go under a policy that denies all are probed, out of them and into them, from
 * before they have an interface. A pod that is open bears witness that probes arrive at all.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, resource, type Stand, sees, startStand } from "./stand.ts";

const prober = fileURLToPath(new URL("prober.ts", import.meta.url));
const router = "tor";
const port = 7799;
const waves = 5;
const podsPerWave = 10;
/** Of each pod to each family, counted from its first route on. */
const probesOut = 200;
/** At each pod after its ADD was answered; those before it are more. */
const roundsMin = 5;

describe("a pod that a policy closes", () => {
  let stand: Stand;
  let open: Pod;
  let ofRouter: readonly string[];
  /** What the prober outside has told: how many rounds it went, and whom it heard. */
  let rounds = 0;
  const heard = new Set<string>();

  beforeAll(async () => {
    stand = await startStand();
    // In the network that it shares with the node.
    const own = await stand.fabric.machine(router).exec("ip", ["-o", "address", "show", "scope", "global"]);
    ofRouter = ["172.30.", "fd00:30:"].flatMap((start) => new RegExp(` (${start}\\S+)/`).exec(own)?.[1] ?? []);
    expect(ofRouter).toHaveLength(2);
    await established(stand, "node1");
    const closing = { selector: "app == 'closed'", types: ["Ingress", "Egress"] };
    await stand.apply(resource("NetworkPolicy", "closed", closing, { namespace: "default" }));
    open = await stand.runtime.add({ name: "open", node: "node1", labels: { app: "open" } });
    const block = (address: string) => Array.from({ length: 64 }, (_, index) => `${address}${index.toString(16)}`);
    const addresses = [...Array.from({ length: 64 }, (_, index) => `10.244.0.${index}`), ...block("fd00:244::")];
    for (const address of open.addresses) expect(addresses.map(shortened)).toContain(shortened(address));
    const outside = stand.fabric.machine(router).spawn(process.execPath, [prober, String(port), ...addresses]);
    let rest = "";
    outside.onOutput((text) => {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      for (const [what, value = ""] of lines.map((line) => line.split(" "))) {
        if (what === "round") rounds = Number(value);
        if (what === "heard") heard.add(shortened(value));
      }
    });
    const reached = async () => (await received(open)).filter((count) => count > 0).length;
    await sees("in how many families the open pod is reached", reached, 2);
    await Promise.all(blast(open.namespace));
    await sees("how many addresses of pods are heard", async () => heard.size, 2);
  }, 120_000);
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  it(`lets none of ${waves * podsPerWave * probesOut * 2} probes out, and none in, from its first moment on`, async () => {
    let sent = 0;
    const passed: string[] = [];
    const first = rounds;
    for (let wave = 0; wave < waves; wave++) {
      const churn = Array.from({ length: podsPerWave }, async (_, index) => {
        const name = `closed-${wave}-${index}`;
        let probes: Promise<number>[] = [];
        const pod = await stand.runtime.add({ name, node: "node1", labels: { app: "closed" } }, (namespace) => {
          probes = blast(namespace);
        });
        for (const count of await Promise.all(probes)) sent += count;
        const since = rounds;
        await waitFor(() => rounds >= since + roundsMin, { what: "the pod is probed", deadlineMs: 30_000 });
        const [v4 = 0, v6 = 0] = await received(pod);
        if (v4 + v6 > 0) passed.push(`${name} got ${v4} and ${v6}`);
        await stand.runtime.remove(pod);
      });
      await Promise.all(churn);
    }
    expect(sent).toBe(waves * podsPerWave * probesOut * 2);
    expect(rounds - first).toBeGreaterThanOrEqual(waves * roundsMin);
    expect(passed).toEqual([]);
    expect([...heard].sort()).toEqual(open.addresses.map(shortened).sort());
  }, 180_000);

  /** UDP out of a namespace to both addresses outside, as fast as it goes, from its first route on; how many were sent. */
  function blast(namespace: string): Promise<number>[] {
    return ofRouter.map(async (address) => {
      const probing = `n=0; until [ $n = ${probesOut} ]; do echo probe >/dev/udp/${address}/${port} && n=$((n+1)); done 2>/dev/null; echo $n`;
      return Number(await namespaceNamed(namespace).exec("bash", ["--norc", "-c", probing], { deadlineMs: 120_000 }));
    });
  }

  /** How many datagrams came into a pod, where nobody hears them: by family. */
  async function received(pod: Pod): Promise<readonly [number, number]> {
    const { exec } = namespaceNamed(pod.namespace);
    const [v4, v6] = await Promise.all([exec("cat", ["/proc/net/snmp"]), exec("cat", ["/proc/net/snmp6"])]);
    const [, counts = ""] = v4.split("\n").filter((line) => line.startsWith("Udp:"));
    return [Number(counts.split(" ")[2]), Number(/^Udp6NoPorts\s+(\d+)/m.exec(v6)?.[1])];
  }
});

/** One text for an address, however it was written. */
function shortened(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
}
