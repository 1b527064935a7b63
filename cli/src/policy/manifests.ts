/** What manifests say of policy: resources, and objects of Kubernetes, of whatever files or folders a command is given. */
import type { AnyKindOfResource, HostPod, Undecodable } from "@brindle/api";
import { failed } from "../error.ts";
import { readDocuments } from "../manifest/documents.ts";
import { prepare } from "../manifest/prepare.ts";
import type { ManifestFile, Ports } from "../ports.ts";
import { isOfKubernetes, kubernetesIn } from "./kubernetes.ts";
import { isOfServices } from "./services.ts";

export interface PolicyManifests {
  readonly files: readonly ManifestFile[];
  readonly resources: readonly AnyKindOfResource[];
  readonly hostPods: readonly HostPod[];
  /** Objects of Kubernetes that say more than is understood. */
  readonly undecodable: readonly Undecodable[];
}

export interface PolicyManifestOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly namespace: string;
}

/** Fails with every problem at once, each with its file and line. What says nothing of policy is left out with a warning. */
export async function readPolicyManifests(options: PolicyManifestOptions, ports: Ports): Promise<PolicyManifests> {
  const { filename, recursive = false, namespace } = options;
  const files = await ports.readManifests(filename, { recursive });
  const isAside = (value: unknown): boolean => isOfServices(value) || isOfKubernetes(value);
  const { resources, problems } = prepare(files, { namespace, isAside });
  if (problems.length > 0) throw failed(problems.join("\n"));
  const { documents } = readDocuments(files);
  const kubernetes = kubernetesIn(documents, namespace);
  const all = [...kubernetes.resources, ...resources.map(({ resource }) => resource)];
  const { undecodable, hostPods, leftOut } = kubernetes;
  if (all.length + undecodable.length === 0 && !documents.some(({ value }) => isOfServices(value))) {
    throw failed(`there is nothing about policy in ${filename.join(", ")}`);
  }
  if (leftOut !== null) ports.warn(leftOut);
  return { files, resources: all, hostPods, undecodable };
}
