/** Where each kind lives in etcd: Calico's layout, which its tools read and write beside us. */
import { formatPrefix, parsePrefix } from "@brindle/net";
import { ipamConfigName } from "../kinds/ipamConfig.ts";
import { isResourceKind, kinds, type ResourceKind, resourceKinds } from "../kinds/kinds.ts";
import type { Key, Kind, Scope } from "./store.ts";

/** Our own kinds stand beside Calico's tree, where none of its tools looks. */
const resourceRoots = {
  "projectcalico.org/v3": "/calico/resources/v3/projectcalico.org/",
  "brindle.network/v1alpha1": "/brindle/v1/",
} as const;
const blockRoot = "/calico/ipam/v2/assignment/";
const handleRoot = "/calico/ipam/v2/handle/";
const ipamConfigKey = "/calico/ipam/v2/config";
/** `host:node1` is `host/node1`; `virtual:load-balancer` stands for the blocks of Services. */
const affinityRoots = { host: "/calico/ipam/v2/host/", virtual: "/calico/ipam/v2/virtual/" } as const;

export function etcdKey(key: Key): string {
  switch (key.kind) {
    case "IPAMBlock":
      return `${blockRoot}${blockPath(key.name)}`;
    case "BlockAffinity":
      return affinityKey(key.name);
    case "IPAMHandle":
      return `${handleRoot}${key.name}`;
    case "IPAMConfig":
      return ipamConfigKey;
    default:
      return `${folder(key.kind)}${key.namespace === undefined ? "" : `${key.namespace}/`}${key.name}`;
  }
}

/** `null` for a key that is not of this kind: another program's, or a status that lives beside it. */
export function parseEtcdKey<K extends Kind>(kind: K, text: string): Key<K> | null {
  if (isResourceKind(kind)) return parseResourceKey(kind, text);
  const name = ipamName(kind, text);
  return name ? { kind, name } : null;
}

/** Which ranges of keys hold a kind: each is all that begins so. They are as narrow as the scope allows. */
export function etcdPrefixes(kind: Kind, scope: Scope = {}): readonly string[] {
  switch (kind) {
    case "IPAMBlock":
      return [blockRoot];
    case "IPAMHandle":
      return [`${handleRoot}${scope.namePrefix ?? ""}`];
    case "BlockAffinity":
      return affinityPrefixes(scope.namePrefix ?? "");
    case "IPAMConfig":
      return [ipamConfigKey];
    default: {
      if (!kinds[kind].namespaced) return [`${folder(kind)}${scope.namePrefix ?? ""}`];
      return [
        scope.namespace === undefined ? folder(kind) : `${folder(kind)}${scope.namespace}/${scope.namePrefix ?? ""}`,
      ];
    }
  }
}

/** What the prefixes could not express. */
export function inScope(key: Key, scope: Scope = {}): boolean {
  return (
    (scope.namespace === undefined || key.namespace === scope.namespace) && key.name.startsWith(scope.namePrefix ?? "")
  );
}

function folder(kind: ResourceKind): string {
  const known = folders.get(kind);
  if (known !== undefined) return known;
  const made = `${resourceRoots[kinds[kind].apiVersion]}${kinds[kind].plural}/`;
  folders.set(kind, made);
  return made;
}

/** A listing of a large cluster asks a hundred thousand times. */
const folders = new Map<ResourceKind, string>();

function parseResourceKey<K extends Kind>(kind: K & ResourceKind, text: string): Key<K> | null {
  const root = folder(kind);
  if (!text.startsWith(root)) return null;
  const slash = text.indexOf("/", root.length);
  const name = text.slice(slash < 0 ? root.length : slash + 1);
  if (name === "" || slash >= 0 !== kinds[kind].namespaced) return null;
  if (slash < 0) return { kind, name };
  const namespace = text.slice(root.length, slash);
  return namespace === "" || name.includes("/") ? null : { kind, namespace, name };
}

/** `10.0.0.0/26` is `ipv4/block/10.0.0.0-26`; IPv6 keeps its colons. */
function blockPath(cidr: string): string {
  const prefix = parsePrefix(cidr);
  if (!prefix) throw new RangeError(`${JSON.stringify(cidr)} is no block`);
  return `ipv${prefix.address.family}/block/${formatPrefix(prefix).replace("/", "-")}`;
}

function blockName(text: string): string | null {
  return text.startsWith(blockRoot) ? cidrOf(text.slice(blockRoot.length)) : null;
}

function cidrOf(path: string): string | null {
  const [, family, cidr] = /^ipv([46])\/block\/([^/]+)$/.exec(path) ?? [];
  const prefix = parsePrefix((cidr ?? "").replace(/-(\d+)$/, "/$1"));
  return prefix?.address.family === Number(family) ? formatPrefix(prefix) : null;
}

function ipamName(kind: Exclude<Kind, ResourceKind>, text: string): string | null {
  switch (kind) {
    case "IPAMBlock":
      return blockName(text);
    case "BlockAffinity":
      return affinityName(text);
    case "IPAMHandle":
      return handleName(text);
    case "IPAMConfig":
      return text === ipamConfigKey ? ipamConfigName : null;
  }
}

function handleName(text: string): string | null {
  return text.startsWith(handleRoot) ? text.slice(handleRoot.length) : null;
}

function affinityKey(name: string): string {
  const [, type, owner, cidr] = /^(host|virtual):([^/]+)\/(.+)$/.exec(name) ?? [];
  if ((type !== "host" && type !== "virtual") || !owner || !cidr) {
    throw new RangeError(`${JSON.stringify(name)} is no affinity, like host:node1/10.0.0.0/26`);
  }
  return `${affinityRoots[type]}${owner}/${blockPath(cidr)}`;
}

function affinityName(text: string): string | null {
  for (const [type, root] of Object.entries(affinityRoots)) {
    if (!text.startsWith(root)) continue;
    const slash = text.indexOf("/", root.length);
    const cidr = slash < 0 ? null : cidrOf(text.slice(slash + 1));
    return cidr ? `${type}:${text.slice(root.length, slash)}/${cidr}` : null;
  }
  return null;
}

function affinityPrefixes(namePrefix: string): readonly string[] {
  const [, type, owner, slash] = /^(host|virtual):([^/]*)(\/)?/.exec(namePrefix) ?? [];
  if (type !== "host" && type !== "virtual") return Object.values(affinityRoots);
  return [`${affinityRoots[type]}${owner ?? ""}${slash ?? ""}`];
}

/** Every kind that can be stored. */
export const storedKinds: readonly Kind[] = [
  ...resourceKinds,
  "IPAMBlock",
  "BlockAffinity",
  "IPAMHandle",
  "IPAMConfig",
];
