/**
 * A program for the rows of policy: what an agent does from the datastore to the packet filter of a namespace, and
 * nothing else. It prints a line of JSON whenever a state is in the kernel, with how many changes were told by then, and
 * ends with an error as soon as the kernel refuses anything. A line on its standard input has it read all back.
 * `ENDPOINT NAMESPACE BACKEND`
 */
import { createInterface } from "node:readline";
import { CoalescedWork, Pace, policyPace } from "@brindle/agent/shell";
import { EndpointTrimmer, type Item, isItemOf, type Kind, type WatchEvent } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import type { TablesBackend } from "@brindle/net";
import { openIpsetSocket, openRuleCounters, openTables } from "@brindle/net/shell";
import { PolicyGraph, type PolicyUpdate, policyKinds } from "@brindle/policy";
import { Enforcer, HitCounting } from "@brindle/policy/shell";
import { localNode } from "./policyLoad.ts";
import type { PolicyNodeReport } from "./policyNode.ts";

const [endpoint = "", namespace = "", backend = "nft"] = process.argv.slice(2) as [string, string, TablesBackend];
const families = [4, 6] as const;

const trimmer = new EndpointTrimmer();
const graph = new PolicyGraph({ node: localNode });
const tables = families.map((family) => openTables({ family, backend, namespace }));
const counters = await Promise.all(families.map((family) => openRuleCounters({ family, backend, namespace })));
const hits = new HitCounting({ sources: counters, nowMs: () => performance.now(), onFailure: fail });
const enforcer = new Enforcer({
  tables,
  sets: await openIpsetSocket({ namespace, timeoutMs: 60_000 }),
  schedule: (delayMs, work) => {
    const timer = setTimeout(work, delayMs);
    return () => clearTimeout(timer);
  },
  onFailure: fail,
  beforeCommits: (commits, inForce) => hits.beforeCommits(commits, inForce),
});

const pace = new Pace(policyPace);
const work = new CoalescedWork({
  work: enforce,
  onFailure: fail,
  restMs: (tookMs) => pace.restMs({ tookMs, nowMs: performance.now() }),
});
const awaited = new Set<Kind>(policyKinds);
let told = 0;

say({ state: "ready" });
enforcer.readAhead();
const store = openEtcdStore({ endpoints: [endpoint], timeoutMs: 60_000 });
store.watch([...policyKinds], onEvent);
createInterface({ input: process.stdin }).on("line", () => void readBack().catch(fail));

function onEvent(event: WatchEvent): void {
  if (event.type === "inSync") awaited.delete(event.kind);
  else if (event.type === "changed") receive(event.item.key, kept(event.item));
  else if (event.type === "deleted") receive(event.key, null);
  else if (event.type === "undecodable") fail(new Error(event.reason));
  if (awaited.size === 0) work.ask();
}

function receive(key: Item["key"], value: unknown): void {
  told += 1;
  graph.receive({ key, value } as PolicyUpdate); // Of the kinds that were asked for.
  enforcer.foresee(graph.policyCount);
}

function kept(item: Item): unknown {
  const isOurs = !isItemOf(item, "WorkloadEndpoint") || item.value.spec.node === localNode;
  return isOurs ? item.value : trimmer.trim(item.value);
}

async function enforce(): Promise<void> {
  const upTo = told;
  await enforcer.apply(graph.desired());
  say({ state: "inForce", told: upTo });
}

/** As far as it concerns one of the pods here: all policies' chains, and all sets. */
async function readBack(): Promise<void> {
  const [endpoint = ""] = enforcer.state()?.endpoints.keys() ?? [];
  say({ state: "readBack", drift: await enforcer.drift(endpoint) });
}

function say(report: PolicyNodeReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
