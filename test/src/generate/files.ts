/** The files of the repository that follow from others: by their paths from its root. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { crdKinds, customResourceDefinition, resourceReference } from "@brindle/api";
import { stringify } from "yaml";
import { etcdAgent } from "./etcdAgent.ts";
import { renderManifest } from "./manifest.ts";

export const crdFolder = "manifests/crds";

const root = join(import.meta.dirname, "../../..");

export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>([["docs/resources.md", resourceReference()]]);
  for (const definition of crdKinds) {
    const [group] = definition.apiVersion.split("/");
    files.set(`${crdFolder}/${group}_${definition.plural}.yaml`, crdText(customResourceDefinition(definition)));
  }
  files.set(`${crdFolder}/kustomization.yaml`, crdKustomization([...files.keys()]));
  const read = (path: string): string => files.get(path) ?? readFileSync(join(root, path), "utf8");
  files.set("manifests/etcd/agent.yaml", etcdAgent(read("manifests/kubernetes/agent.yaml")));
  files.set("manifests/brindle-etcd.yaml", renderManifest("manifests/etcd/kustomization.yaml", read));
  files.set("manifests/brindle.yaml", renderManifest("manifests/kubernetes/kustomization.yaml", read));
  return files;
}

function crdKustomization(paths: readonly string[]): string {
  const resources = paths.filter((path) => path.startsWith(crdFolder)).map((path) => basename(path));
  const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" };
  return `# Made by \`npm run generate\`.\n${stringify({ ...kustomization, resources: resources.sort(byRank) })}`;
}

/**
 * As `kubectl delete -f` goes through them, too: agents that still run know by ClusterInformation that all is deleted, and
 * leave pods their routes.
 */
function byRank(a: string, b: string): number {
  const rank = (name: string): number => (name.includes("clusterinformations") ? 0 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** Equal parts are written out: kubectl takes no anchors in what it sends on. */
function crdText(definition: object): string {
  return `# Made by \`npm run generate\` of the declarations in api/src/kinds.\n${stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false })}`;
}
