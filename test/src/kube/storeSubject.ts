/** The Kubernetes store as the contract of stores wants it: behind a relay, beside another client. */
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import type { KubeApi } from "../fixtures/kube/kubeApi.ts";
import type { Subject } from "../storeContract/subject.ts";

/** What the contract writes. */
const plurals = ["bgppeers", "networkpolicies", "blockaffinities"];

/** `group` is that of Calico's CRDs. The server is shared, and emptied before each test. */
export async function openSubject(api: KubeApi, group: string): Promise<Subject> {
  for (const plural of plurals) {
    await api.kubectl(["delete", `${plural}.${group}`, "--all", "--all-namespaces", "--wait=false"]);
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
