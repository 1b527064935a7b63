/**
 * A program for the rows of the store: watches all endpoints, keeps of them what its mode says (`whole`, `trimmed`, or
 * `etcd3` with that client instead of ours), and prints a line of JSON before, when it holds all, and when it was told
 * of so many changes. `ENDPOINT MODE CHANGES`
 */
import { EndpointTrimmer, etcdPrefixes, isItemOf } from "@brindle/api";
import { giveBackMemory } from "@brindle/net/shell";

const [endpoint = "", mode = "", changes = ""] = process.argv.slice(2);

const kept = new Map<string, unknown>();
let told = 0;
let isListed = false;
let startMs = 0;
let listedUsage = process.cpuUsage();

if (mode === "etcd3") await watchWithClient();
else await watchWithStore();

/** Ours: values, validated; `trimmed` keeps of each what an agent keeps of the endpoints of other nodes. */
async function watchWithStore(): Promise<void> {
  const { openEtcdStore } = await import("@brindle/api/shell/etcd");
  const store = openEtcdStore({ endpoints: [endpoint], timeoutMs: 60_000 });
  await store.get({ kind: "Node", name: "none" });
  const trimmer = new EndpointTrimmer();
  sayIdle();
  store.watch(["WorkloadEndpoint"], (event) => {
    if (event.type === "inSync") sayListed();
    if (event.type !== "changed" || !isItemOf(event.item, "WorkloadEndpoint")) return;
    const { key, value } = event.item;
    kept.set(`${key.namespace}/${key.name}`, mode === "trimmed" ? trimmer.trim(value) : event.item);
    countChange();
  });
}

/** The anchor: etcd's client for Node, which keeps the texts, parsed and neither checked nor proved whole. */
async function watchWithClient(): Promise<void> {
  const { Etcd3 } = await import("etcd3");
  const client = new Etcd3({ hosts: endpoint, grpcOptions: { "grpc.max_receive_message_length": -1 } });
  await client.get("none");
  sayIdle();
  const [prefix = ""] = etcdPrefixes("WorkloadEndpoint");
  const response = await client.getAll().prefix(prefix).exec();
  for (const kv of response.kvs) kept.set(kv.key.toString(), JSON.parse(kv.value.toString()));
  const watcher = await client
    .watch()
    .prefix(prefix)
    .startRevision(String(BigInt(response.header.revision) + 1n))
    .create();
  watcher.on("put", (kv) => {
    kept.set(kv.key.toString(), JSON.parse(kv.value.toString()));
    countChange();
  });
  sayListed();
}

function sayIdle(): void {
  say({ state: "idle", residentMiB: residentMiB() });
  startMs = performance.now();
}

function sayListed(): void {
  const listMs = performance.now() - startMs;
  isListed = true;
  say({ state: "listed", listMs, held: kept.size, residentMiB: residentMiB() });
  listedUsage = process.cpuUsage();
}

function countChange(): void {
  if (!isListed) return;
  told += 1;
  if (told !== Number(changes)) return;
  const { user, system } = process.cpuUsage(listedUsage);
  say({ state: "told", told, held: kept.size, processorMs: (user + system) / 1_000 });
}

/** What it holds, and not what it has let go: as an agent has it some seconds after it was told all. */
function residentMiB(): number {
  giveBackMemory();
  return process.memoryUsage.rss() / 2 ** 20;
}

function say(line: object): void {
  console.log(JSON.stringify({ ...line, atMs: performance.timeOrigin + performance.now() }));
}
