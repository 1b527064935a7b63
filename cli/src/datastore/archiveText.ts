/**
 * An archive as text, in the form that `calicoctl datastore migrate import` reads: YAML lists of resources, a line `===`,
 * the cluster information as JSON, a line `===`, and IPAM as JSON with the keys that its objects have in etcd. What
 * calicoctl does not carry (endpoints, profiles, our own kinds) is YAML in comment lines of the first part.
 */
import {
  type AnyKindOfResource,
  type ClusterInformation,
  decodeResource,
  decodeValue,
  encodeValue,
  etcdKey,
  formatJson,
  formatProblem,
  isRecord,
  isResourceKind,
  type Key,
  parseEtcdKey,
  parseJson,
  resourceKinds,
} from "@brindle/api";
import { parseAllDocuments } from "yaml";
import { failed } from "../error.ts";
import { formatStructure } from "../output/structure.ts";
import {
  type Archive,
  calicoKinds,
  clusterInformationOf,
  type Entry,
  type IpamArchive,
  type IpamKind,
  ipamEntries,
  isInCalicoForm,
} from "./archive.ts";

export function formatArchive(archive: Archive): string {
  const lists = calicoKinds.map((kind) => {
    const items = archive.resources.filter((resource) => resource.kind === kind && isInCalicoForm(resource));
    return formatStructure({ apiVersion: "projectcalico.org/v3", kind: `${kind}List`, metadata: {}, items }, "yaml");
  });
  const beyond = archive.resources.filter((resource) => !isInCalicoForm(resource));
  const resources = [...lists.map((text) => `${text}\n---\n`), ...beyond.map(commented)].join("");
  const cluster = `${formatStructure(archive.clusterInformation, "json")}\n`;
  const ipam = `${formatStructure(ipamStructure(archive.ipam), "json")}\n`;
  return [resources, cluster, ipam].join(separator);
}

/** Throws a `CliError` that says where the text is wrong. */
export function parseArchive({ name, text }: { readonly name: string; readonly text: string }): Archive {
  const parts = text.split(separatorLine);
  const [resources, cluster, ipam] = parts;
  if (resources === undefined || cluster === undefined || ipam === undefined || parts.length !== 3) {
    throw failed(`${name} is no export of a datastore: it has ${parts.length} parts between lines of ===, not 3`);
  }
  const beyond = resources.split("\n").flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []));
  return {
    resources: [...readYaml(name, resources), ...readYaml(name, beyond.join("\n"))].map((value) =>
      readResource(name, value),
    ),
    clusterInformation: readClusterInformation(name, readJson(name, cluster)),
    ipam: readIpam(name, readJson(name, ipam)),
  };
}

const separator = "===\n";
/** Text of a resource may end so too, and never fills a whole line: YAML indents it, JSON has no line breaks in texts. */
const separatorLine = /^===\n/m;
const mark = "#brindle: ";

function commented(resource: AnyKindOfResource): string {
  const lines = ["---", ...formatStructure(resource, "yaml").split("\n")];
  return lines.map((line) => `${mark}${line}\n`).join("");
}

/** The names of the lists in calicoctl's file. */
const ipamLists = { BlockAffinity: "block_affinities", IPAMBlock: "blocks", IPAMHandle: "handles" } as const;

function ipamStructure(ipam: IpamArchive): object {
  const stored = ({ key, value }: Entry) => ({ Key: etcdKey(key), Value: parseJson(encodeValue(key, value)), TTL: 0 });
  const entries = ipamEntries(ipam);
  const lists = Object.entries(ipamLists).map(([kind, list]) => [
    list,
    entries.filter(({ key }) => key.kind === kind).map(stored),
  ]);
  return { ...Object.fromEntries(lists), ...(ipam.config && { config: stored(ipam.config) }) };
}

function readIpam(name: string, json: unknown): IpamArchive {
  const listOf = <K extends keyof typeof ipamLists>(kind: K): readonly Entry<K>[] => {
    const list = isRecord(json) ? json[ipamLists[kind]] : undefined;
    return (Array.isArray(list) ? list : []).map((pair: unknown) => readPair(name, kind, pair));
  };
  const config = isRecord(json) ? json.config : undefined;
  return {
    affinities: listOf("BlockAffinity"),
    blocks: listOf("IPAMBlock"),
    handles: listOf("IPAMHandle"),
    config: config === undefined || config === null ? null : readPair(name, "IPAMConfig", config),
  };
}

function readPair<K extends IpamKind>(name: string, kind: K, pair: unknown): Entry<K> {
  const path = isRecord(pair) && typeof pair.Key === "string" ? pair.Key : "";
  const key: Key<K> | null = parseEtcdKey(kind, path);
  if (!key || !isRecord(pair)) throw failed(`${name}: ${JSON.stringify(path)} is no key of an ${kind}`);
  const decoded = decodeValue(kind, formatJson(pair.Value));
  if (decoded.kind === "undecodable") throw failed(`${name}: ${path} ${decoded.reason}`);
  return { key, value: decoded.value };
}

function readClusterInformation(name: string, json: unknown): ClusterInformation {
  const decoded = decodeResource("ClusterInformation", json);
  if (decoded.kind === "valid") return clusterInformationOf(decoded.resource.spec);
  throw failed(`${name}: the cluster information: ${decoded.problems.map(formatProblem).join("; ")}`);
}

function readResource(name: string, value: unknown): AnyKindOfResource {
  const kind = isRecord(value) ? value.kind : undefined;
  if (typeof kind !== "string" || !isResourceKind(kind)) {
    throw failed(`${name}: there is no kind ${JSON.stringify(kind)}; known are ${resourceKinds.join(", ")}`);
  }
  const decoded = decodeResource(kind, value);
  if (decoded.kind === "valid") return decoded.resource;
  const metadata = isRecord(value) && isRecord(value.metadata) ? value.metadata : {};
  throw failed(`${name}: ${kind} ${metadata.name}: ${decoded.problems.map(formatProblem).join("; ")}`);
}

function readJson(name: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw failed(`${name}: a part that should be JSON is not: ${error instanceof Error ? error.message : error}`);
  }
}

/** The items of lists, and what stands by itself. Integers keep their digits. */
function readYaml(name: string, text: string): unknown[] {
  return [...parseAllDocuments(text, { intAsBigInt: true, prettyErrors: false })].flatMap((document) => {
    const [error] = document.errors;
    if (error) throw failed(`${name} is no YAML: ${error.message}`);
    const value: unknown = withPlainIntegers(document.toJS());
    if (value === null || value === undefined) return [];
    return isRecord(value) && Array.isArray(value.items) ? value.items : [value];
  });
}

function withPlainIntegers(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(withPlainIntegers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withPlainIntegers(member)]));
}
