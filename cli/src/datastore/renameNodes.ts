/**
 * In etcd a node may bear another name than in Kubernetes, which it then names in an orchestrator reference. On
 * Kubernetes it has the one name, so an archive has that one wherever a node is named.
 */
import { type AnyKindOfResource, type Node, workloadEndpointName } from "@brindle/api";
import type { Archive, Entry, IpamArchive } from "./archive.ts";

export interface Renamed {
  readonly archive: Archive;
  /** Nodes that say no name of Kubernetes, and keep their own. */
  readonly withoutReference: readonly string[];
}

export function renameNodes(archive: Archive): Renamed {
  const names = new Map<string, string>();
  const withoutReference: string[] = [];
  for (const node of archive.resources.filter(({ kind }) => kind === "Node") as Node[]) {
    const reference = node.spec.orchRefs?.find(({ orchestrator }) => orchestrator === "k8s");
    if (reference?.nodeName) names.set(node.metadata.name, reference.nodeName);
    else withoutReference.push(node.metadata.name);
  }
  const renamed = (name: string) => names.get(name) ?? name;
  return {
    archive: {
      ...archive,
      resources: archive.resources.map((resource) => renameInResource(resource, renamed)),
      ipam: renameInIpam(archive.ipam, renamed),
    },
    withoutReference,
  };
}

type Rename = (name: string) => string;

function renameInResource(resource: AnyKindOfResource, renamed: Rename): AnyKindOfResource {
  const { metadata } = resource;
  switch (resource.kind) {
    case "Node":
      return { ...resource, metadata: { ...metadata, name: renamed(metadata.name) } };
    case "BGPConfiguration":
    case "FelixConfiguration":
    case "AgentConfiguration": {
      const [, node] = /^node\.(.+)$/.exec(metadata.name) ?? [];
      return node === undefined ? resource : { ...resource, metadata: { ...metadata, name: `node.${renamed(node)}` } };
    }
    case "WorkloadEndpoint": {
      const spec = { ...resource.spec, ...(resource.spec.node && { node: renamed(resource.spec.node) }) };
      const { node, orchestrator, endpoint } = spec;
      if (node === undefined || orchestrator === undefined || endpoint === undefined) return resource;
      const name = workloadEndpointName({ ...spec, node, orchestrator, endpoint });
      return name === null ? resource : { ...resource, metadata: { ...metadata, name }, spec };
    }
    default:
      return renameInSpec(resource, renamed);
  }
}

/** A peer, a host endpoint, a status: `spec.node` where there is one. */
function renameInSpec<R extends AnyKindOfResource>(resource: R, renamed: Rename): R {
  const spec: { readonly node?: unknown } = resource.spec as object; // Not every kind names a node.
  return typeof spec.node === "string" ? { ...resource, spec: { ...spec, node: renamed(spec.node) } } : resource;
}

function renameInIpam({ affinities, blocks, handles, config }: IpamArchive, renamed: Rename): IpamArchive {
  return {
    affinities: affinities.map(({ key, value }) => ({
      key: { ...key, name: renameAffinity(key.name, renamed) },
      value,
    })),
    blocks: blocks.map((block) => renameInBlock(block, renamed)),
    handles: handles.map(({ key, value }) => ({ key: { ...key, name: renameHandle(key.name, renamed) }, value })),
    config,
  };
}

function renameInBlock({ key, value }: Entry<"IPAMBlock">, renamed: Rename): Entry<"IPAMBlock"> {
  const attributes = value.attributes.map((attribute) => {
    const { handle_id, secondary } = attribute;
    return {
      ...attribute,
      ...(handle_id !== undefined && { handle_id: renameHandle(handle_id, renamed) }),
      ...(secondary?.node !== undefined && { secondary: { ...secondary, node: renamed(secondary.node) } }),
    };
  });
  const affinity = value.affinity === undefined ? {} : { affinity: renameAffinity(value.affinity, renamed) };
  return { key, value: { ...value, ...affinity, attributes } };
}

/** `host:node1`, alone or before `/10.0.0.0/26`. */
function renameAffinity(text: string, renamed: Rename): string {
  return text.replace(/^host:([^/]+)/, (_whole, node: string) => `host:${renamed(node)}`);
}

/** The handles of tunnel addresses end with the node's name. */
function renameHandle(handle: string, renamed: Rename): string {
  return handle.replace(
    /^((?:ipip|vxlan|vxlan-v6|wireguard|wireguard-v6)-tunnel-addr-)(.+)$/,
    (_whole, prefix: string, node: string) => `${prefix}${renamed(node)}`,
  );
}
