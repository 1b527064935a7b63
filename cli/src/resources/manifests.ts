/** The resources of the manifests that a command is given. */
import { failed } from "../error.ts";
import { type PreparedResource, type PrepareOptions, prepare } from "../manifest/prepare.ts";
import type { ManifestFile, Ports } from "../ports.ts";

export interface ManifestOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly namespace: string;
}

/** All of them valid; otherwise a failure that tells every problem at once. */
export async function readResources(options: ManifestOptions, ports: Ports): Promise<readonly PreparedResource[]> {
  const { filename, recursive = false, namespace } = options;
  return resourcesIn(await ports.readManifests(filename, { recursive }), { namespace, filename });
}

/** The same of files that were read already. */
export function resourcesIn(
  files: readonly ManifestFile[],
  { filename, ...options }: PrepareOptions & { readonly filename: readonly string[] },
): readonly PreparedResource[] {
  const { resources, problems } = prepare(files, options);
  if (problems.length > 0) throw failed([...problems, "nothing was changed"].join("\n"));
  if (resources.length === 0) throw failed(`there is no resource in ${filename.join(", ")}`);
  return resources;
}
