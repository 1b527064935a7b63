/** Calico's kinds in a cluster, as an operator installs them. */
import { fileURLToPath } from "node:url";
import type { KubeAccess } from "../fixtures/kube/access.ts";

const crds = fileURLToPath(new URL("../../../manifests/crds", import.meta.url));

export async function applyCrds({ kubectl }: KubeAccess): Promise<void> {
  await kubectl(["apply", "--server-side", "-f", crds], { deadlineMs: 60_000 });
  await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], { deadlineMs: 40_000 });
}
