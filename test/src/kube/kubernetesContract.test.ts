/** What every store must do, done by the Kubernetes store at a real API server. */
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, beforeAll } from "vitest";
import { startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { describeStoreContract } from "../storeContract/contract.ts";
import type { Subject } from "../storeContract/subject.ts";
import { applyCrds } from "./crds.ts";

/** Without a watch cache, so that what is compacted is gone. */
let api: KubeApi;
beforeAll(async () => {
  api = await startKubeApi({ watchCache: false });
  await applyCrds(api);
  for (const namespace of ["a", "ab"]) await api.kubectl(["create", "namespace", namespace]);
}, 180_000);
afterAll(() => api?.[Symbol.asyncDispose]());

describeStoreContract("Kubernetes", openSubject);

/** The store under test reaches the server through a proxy of its own; the server is shared, and emptied before each test. */
async function openSubject(): Promise<Subject> {
  for (const kind of ["bgppeers", "networkpolicies", "blockaffinities"]) {
    await api.kubectl(["delete", `${kind}.projectcalico.org`, "--all", "--all-namespaces", "--wait=false"]);
  }
  const proxy = await startCuttableProxy({ host: "127.0.0.1", port: api.port });
  const relayed = await api.writeKubeconfig("relayed", api.admin, { port: proxy.port });
  const open = async (kubeconfig: string) =>
    openKubernetesStore({
      access: await findClusterAccess({ environment: { KUBECONFIG: kubeconfig } }),
      timeoutMs: 5_000,
    });
  const store = await open(relayed);
  const other = await open(api.adminKubeconfig);
  return {
    store,
    other,
    cut: proxy.cut,
    mend: proxy.mend,
    restart: api.restart,
    compact: api.compactNow,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await other.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
