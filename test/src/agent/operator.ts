/**
 * What an operator does to the datastore, from the machine that reaches it: a test calls its methods over a socket.
 * `node operator.ts SOCKET ETCD`
 */
import { randomUUID } from "node:crypto";
import { type Key, ResourceClient, type ResourceKind } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { serveControl } from "@brindle/net/shell";

const [path = "", endpoint = ""] = process.argv.slice(2);
const store = openEtcdStore({ endpoints: [endpoint] });
const client = new ResourceClient({ store, nowMs: Date.now, newUid: randomUUID });
await serveControl(
  { path },
  {
    apply: (document) => client.apply(document),
    get: (key) => client.get(key as Key<ResourceKind>),
    delete: (key) => client.delete(key as Key<ResourceKind>),
  },
);
console.log("ready");
