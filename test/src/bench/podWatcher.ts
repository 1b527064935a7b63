/**
 * A program for the row of pods: watches all of them and prints its memory before, and when it holds all. `store` keeps
 * of each what an agent keeps of the endpoints of other nodes; `json` keeps the pods as they come. `PORT MODE`
 */
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import { EndpointTrimmer, isItemOf } from "@brindle/api";
import { openKubernetesStore } from "@brindle/api/shell";
import { giveBackMemory } from "@brindle/net/shell";

const [port = "", mode = ""] = process.argv.slice(2);
const server = `http://127.0.0.1:${port}`;
const kept = new Map<string, unknown>();
let startMs = 0;

say("idle");
startMs = performance.now();
if (mode === "json") keepJson();
else keepEndpoints();

function keepEndpoints(): void {
  const store = openKubernetesStore({ access: { server }, apiGroup: "projectcalico.org/v3" });
  const trimmer = new EndpointTrimmer();
  store.watch(["WorkloadEndpoint"], (event) => {
    if (event.type === "inSync") say("listed");
    if (event.type !== "changed" || !isItemOf(event.item, "WorkloadEndpoint")) return;
    const { key, value } = event.item;
    kept.set(`${key.namespace}/${key.name}`, trimmer.trim(value));
  });
}

function keepJson(): void {
  const stream = connect(server).request({ ":path": "/api/v1/pods?watch=1&sendInitialEvents=true" });
  createInterface({ input: stream }).on("line", (line) => {
    const { type, object } = JSON.parse(line);
    if (type === "ADDED") kept.set(object.metadata.uid, object);
    else say("listed");
  });
}

/** What it holds, and not what it has let go: as an agent has it some seconds after it was told all. */
function say(state: "idle" | "listed"): void {
  const listMs = performance.now() - startMs;
  giveBackMemory();
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  console.log(JSON.stringify({ state, listMs, residentMiB, held: kept.size }));
}
