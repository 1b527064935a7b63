/** What the four commands of `brindlectl datastore` do. */
import { formatKey } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import type { Ports } from "../ports.ts";
import { isKubernetes } from "./archive.ts";
import { formatArchive, parseArchive } from "./archiveText.ts";
import { readArchive } from "./exportDatastore.ts";
import { writeArchive } from "./importDatastore.ts";
import { setReady } from "./lock.ts";
import { renameNodes } from "./renameNodes.ts";

export async function exportDatastore(ports: Ports): Promise<ExitCode> {
  const store = await ports.store();
  const read = await readArchive(store);
  // Where Kubernetes is the datastore, nodes bear its names already.
  const { archive, withoutReference } = isKubernetes(store)
    ? { archive: read, withoutReference: [] }
    : renameNodes(read);
  if (withoutReference.length > 0) {
    ports.warn(
      `warning: ${withoutReference.join(", ")}: no reference to a node of Kubernetes; exported under the name that it has`,
    );
  }
  ports.print(formatArchive(archive).trimEnd());
  return 0;
}

export async function importDatastore(path: string, ports: Ports): Promise<ExitCode> {
  const [file, ...others] = await ports.readManifests([path], { recursive: false });
  if (!file || others.length > 0) throw usage(`${path} is a folder; name the file that the export was saved to`);
  const archive = parseArchive(file);
  const { written, unchanged, derived, missingNodes, withoutPlace, dropped } = await writeArchive(
    archive,
    await ports.store(),
    ports,
  );
  ports.print(`${written} objects imported, ${unchanged} were there already`);
  if (derived > 0) ports.print(`${derived} endpoints, profiles and policies are left to Kubernetes, which has them`);
  for (const node of missingNodes) ports.warn(`warning: Node ${node} is no node of this cluster and was left out`);
  for (const key of withoutPlace) {
    ports.warn(
      `warning: ${formatKey(key)} was left out: Kubernetes has profiles of namespaces and service accounts, and endpoints of pods`,
    );
  }
  for (const { key, paths } of dropped) {
    ports.warn(`warning: ${formatKey(key)} lacks ${paths.join(", ")}: the CRD of this cluster does not know it`);
  }
  ports.print("the datastore is locked; run `brindlectl datastore unlock` when the agents use it");
  return 0;
}

export async function lockDatastore(isLocked: boolean, ports: Ports): Promise<ExitCode> {
  const changed = await setReady(await ports.store(), !isLocked, ports);
  const state = isLocked ? "locked" : "unlocked";
  ports.print(changed ? `the datastore is ${state}` : `the datastore was ${state} before`);
  return 0;
}
