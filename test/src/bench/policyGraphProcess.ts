/** Runs the load of `policyGraph.ts` once and says what it took, as one line of JSON. `node --expose-gc policyGraphProcess.ts` */
import { EndpointTrimmer } from "@brindle/api";
import { type Desired, PolicyGraph, type PolicyResource } from "@brindle/policy";
import type { GraphFigures } from "./policyGraph.ts";
import { everything, localNode, updateOf } from "./policyLoad.ts";

const size = { policies: 10_000, pods: 250_200, local: 200 };
/** Made, then measured: what the load itself takes is not the graph's. */
const batchSize = 1_000;

/** As the agent hands them over: of pods elsewhere what policy needs. */
function* batches(): Generator<PolicyResource[]> {
  const trimmer = new EndpointTrimmer();
  let batch: PolicyResource[] = [];
  for (const value of everything("tag", size)) {
    const isElsewhere = value.kind === "WorkloadEndpoint" && value.spec.node !== localNode;
    batch.push(isElsewhere ? trimmer.trim(value) : value);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

class Clock {
  seconds = 0;

  measure<T>(work: () => T): T {
    const before = process.cpuUsage();
    const result = work();
    const { user, system } = process.cpuUsage(before);
    this.seconds += (user + system) / 1e6;
    return result;
  }
}

function parseAll(): number {
  const clock = new Clock();
  const kept = new Map<string, unknown>();
  for (const batch of batches()) {
    const texts = batch.map((value) => JSON.stringify(value));
    clock.measure(() => {
      for (const text of texts) {
        const value = JSON.parse(text) as PolicyResource;
        kept.set(`${value.kind} ${value.metadata.name}`, value);
      }
    });
  }
  return clock.seconds;
}

function fill(): GraphFigures & { readonly graph: PolicyGraph; readonly desired: Desired } {
  const clock = new Clock();
  const graph = new PolicyGraph({ node: localNode });
  for (const batch of batches()) {
    clock.measure(() => {
      for (const value of batch) graph.receive(updateOf(value));
    });
  }
  const desired = clock.measure(() => graph.desired());
  const processMB = process.resourceUsage().maxRSS / 1024;
  globalThis.gc?.();
  globalThis.gc?.();
  const heapMB = process.memoryUsage().heapUsed / 1e6;
  const rules = desired.tables.reduce(
    (sum, { content }) => content.chains.reduce((all, chain) => all + chain.rules.length, sum),
    0,
  );
  return { graph, desired, seconds: clock.seconds, anchorSeconds: 0, heapMB, processMB, rules };
}

// Each in a process: the memory of one would be the other's.
const isAnchor = process.argv[2] === "anchor";
if (isAnchor) console.log(JSON.stringify({ anchorSeconds: parseAll() }));
else {
  const { graph, desired, ...figures } = fill();
  console.log(JSON.stringify(figures));
  if (graph.desired().sets.size !== desired.sets.size) throw new Error("the graph forgets");
}
