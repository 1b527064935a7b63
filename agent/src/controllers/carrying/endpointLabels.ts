/**
 * What a Pod says of its endpoints after they were made: labels, service account, and the profiles that follow. The
 * agent of the node makes and deletes endpoints; here none is.
 */
import {
  type ApiObject,
  kubeletUidOf,
  type Labels,
  parseWorkloadEndpointName,
  podSource,
  podUidAnnotation,
  type WorkloadEndpoint,
} from "@brindle/api";
import { type Carrying, digestOf, type Wanted } from "./carrying.ts";

interface PodSays extends Wanted {
  /** Of pods of one name, of which of them. */
  readonly uid: string | undefined;
  readonly says: Said;
}

interface Said {
  readonly labels: Labels;
  readonly serviceAccountName?: string;
  readonly profiles: readonly string[];
}

export const carriedPods: Carrying<"WorkloadEndpoint", PodSays, string> = {
  kind: "WorkloadEndpoint",
  resource: podSource.resource,
  want: wantedOf,
  ownerOf: ({ namespace, name }) => {
    const pod = parseWorkloadEndpointName(name)?.pod;
    return pod === undefined || namespace === undefined ? null : { namespace, name: pod };
  },
  hold: (endpoint) => digestOf(saidBy(endpoint)),
  isDue: (wanted, { held }) => wanted !== null && held !== null && held !== wanted.digest,
  change: (wanted, { key, value, revision }) => {
    if (!wanted || digestOf(saidBy(value)) === wanted.digest) return null;
    const uid = value.metadata.annotations?.[podUidAnnotation];
    // An endpoint that was not yet deleted, of an earlier pod of that name.
    if (uid !== undefined && uid !== wanted.uid) return null;
    return { op: "update", key, value: withSaid(value, wanted.says), revision };
  },
  create: () => null,
};

function wantedOf(object: ApiObject): PodSays | null {
  const reading = podSource.read(object);
  if (reading.type === "absent") return null;
  // Annotations that cannot be read say nothing of these.
  const endpoint = reading.type === "value" ? reading.value : (reading.partial as unknown as WorkloadEndpoint);
  const says = saidBy(endpoint);
  return { digest: digestOf(says), uid: kubeletUidOf(object), says };
}

function saidBy({ metadata, spec }: WorkloadEndpoint): Said {
  const { labels = {} } = metadata;
  const { serviceAccountName, profiles = [] } = spec;
  return { labels, profiles, ...(serviceAccountName !== undefined && { serviceAccountName }) };
}

function withSaid(endpoint: WorkloadEndpoint, { labels, serviceAccountName, profiles }: Said): WorkloadEndpoint {
  const { serviceAccountName: _former, ...spec } = endpoint.spec;
  return {
    ...endpoint,
    metadata: { ...endpoint.metadata, labels },
    spec: { ...spec, profiles, ...(serviceAccountName !== undefined && { serviceAccountName }) },
  };
}
