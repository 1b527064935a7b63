/** Calico's kinds in a cluster, as an operator installs them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";
import { field } from "../fixtures/json.ts";
import type { KubeAccess } from "../fixtures/kube/access.ts";

const crds = fileURLToPath(new URL("../../../manifests/crds", import.meta.url));

export async function applyCrds({ kubectl }: KubeAccess): Promise<void> {
  // Not the whole folder: what lists them for kustomize is no object.
  const files = (await readdir(crds)).filter((file) => file.includes("_"));
  const named = files.flatMap((file) => ["-f", join(crds, file)]);
  await kubectl(["apply", "--server-side", ...named], { deadlineMs: 60_000 });
  await waitUntilServed(kubectl);
}

/** Calico's own, of `crd.projectcalico.org/v1`, from the file that its releases bring. */
export async function applyOlderCrds({ kubectl }: KubeAccess, file: string): Promise<void> {
  const documents = parseAllDocuments(await readFile(file, "utf8")).map((document): unknown => document.toJS());
  const own = documents.filter((crd) => field(crd, "spec", "group") === "crd.projectcalico.org");
  const input = own.map((crd) => stringify(crd)).join("---\n");
  await kubectl(["apply", "--server-side", "-f", "-"], { input, deadlineMs: 60_000 });
  await waitUntilServed(kubectl);
}

async function waitUntilServed(kubectl: KubeAccess["kubectl"]): Promise<void> {
  await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], { deadlineMs: 40_000 });
}
