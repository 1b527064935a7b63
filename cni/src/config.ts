/**
 * The plugin's configuration, as it comes on stdin: what an operator wrote for `type: brindle` in the list, and what
 * the runtime added. A field is known, or reserved by the specification for others, or refused: none is ignored.
 */
import { isCalicoField } from "./calicoConfig.ts";
import { CniError } from "./error.ts";
import { parseHostLocal, type RangesByFamily } from "./hostLocal.ts";
import { joinedRequests, type Requested, requestedByRuntime } from "./requested.ts";
import { type CniVersion, supportedVersions } from "./versions.ts";

export interface PluginConfig {
  readonly cniVersion: CniVersion;
  /** The network's name, part of the handle under which addresses are held. */
  readonly network: string;
  readonly ipam: IpamConfig;
  /** `null`: the agent chooses, from the underlay and the encapsulation. */
  readonly mtu: number | null;
  /** Of each end of a pod's pair of interfaces. */
  readonly queues: number;
  /** By the convention `args.cni.labels`; become labels of the endpoint, so that policies can select it. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether pods may have addresses that no IPPool gives them, by the annotation `ipAddrsNoIpam`. */
  readonly mayBypassIpam: boolean;
  /** By the capabilities `ips`, `mac` and `bandwidth`, or `args.cni`. */
  readonly requested: Requested;
}

/** `auto`: an address of the family where a pool has any for this node, and at least of one family. */
export type Assign = boolean | "auto";

export interface IpamConfig {
  readonly assignIpv4: Assign;
  readonly assignIpv6: Assign;
  /** Names or CIDRs of pools; empty means any that selects this node. */
  readonly ipv4Pools: readonly string[];
  readonly ipv6Pools: readonly string[];
  /** Where pods are to have addresses of these alone, by the words of `host-local`. */
  readonly ranges?: RangesByFamily;
}

type Json = Readonly<Record<string, unknown>>;

/** What the specification reserves at the top level and what this plugin need not heed. */
const reserved = new Set(["cniVersions", "disableCheck", "disableGC", "loadOnlyInlinedPlugins", "capabilities"]);
const known = new Set([
  ...["cniVersion", "name", "type", "ipam", "mtu", "num_queues", "args", "runtimeConfig", "prevResult"],
  "feature_control",
]);
const capabilities = new Set(["ips", "mac", "bandwidth"]);
const ipamTypes: readonly unknown[] = ["brindle-ipam", "calico-ipam"];
const knownIpam = new Set(["type", "assign_ipv4", "assign_ipv6", "ipv4_pools", "ipv6_pools"]);
const mtuMin = 1280; // The least that IPv6 works with (RFC 8200 §5).
const mtuMax = 65_535;
const queuesMax = 4_096; // The kernel's (rtnl_create_link).

/** The version of a configuration that may be wrong otherwise, so that the error is told in the right version. */
export function versionOf(stdin: string): CniVersion {
  try {
    const config: unknown = JSON.parse(stdin);
    return supportedVersions.find((version) => isObject(config) && config.cniVersion === version) ?? "1.0.0";
  } catch {
    return "1.0.0";
  }
}

/** The configuration of an ADD, of CHECK and of STATUS. */
export function parseConfig(stdin: string): PluginConfig {
  const config = parseObject(stdin);
  const cniVersion = parseVersion(config);
  refuseUnknown(config);
  const conventions = parseArgs(config.args);
  return {
    cniVersion,
    network: parseName(config.name),
    ipam: parseIpam(config.ipam),
    mtu: parseMtu(config.mtu),
    queues: parseQueues(config.num_queues),
    labels: parseLabels(conventions.labels ?? []),
    mayBypassIpam: parseFeatures(config.feature_control),
    requested: joinedRequests(
      requestedByRuntime("runtimeConfig", isObject(config.runtimeConfig) ? config.runtimeConfig : {}),
      requestedByRuntime("args.cni", { ips: conventions.ips, mac: conventions.mac }),
    ),
  };
}

export function refusePrevResult(stdin: string): void {
  if (parseObject(stdin).prevResult !== undefined)
    throw unsupported("prevResult", "brindle makes the interface, so it must be the first plugin of the list");
}

/** What a runtime hands back of ADD's answer, as it came. */
export function prevResultOf(stdin: string): unknown {
  return parseObject(stdin).prevResult;
}

/** What DEL needs. It must not fail on a field, or a pod made under another release could never be deleted. */
export function parseNetwork(stdin: string): string {
  const config = parseObject(stdin);
  parseVersion(config);
  return parseName(config.name);
}

/** What the configuration is in, without which no command can be told from one that came later. */
export function parseCniVersion(stdin: string): CniVersion {
  return parseVersion(parseObject(stdin));
}

/**
 * The attachments that stay, for GC. Runtimes have written the list under a shorter name as well; where both are there, what
 * either names stays. No list at all is refused: it must never be taken for an empty one.
 */
export function parseValidAttachments(stdin: string): readonly ValidAttachment[] {
  const config = parseObject(stdin);
  const field = "cni.dev/valid-attachments";
  const lists = [config[field], config["cni.dev/attachments"]].filter((list) => list !== undefined && list !== null);
  if (config[field] === undefined && lists.length === 0)
    throw invalid(field, "is missing: without it GC would free every pod");
  return lists.flatMap((list) => {
    if (!Array.isArray(list)) throw invalid(field, "must be a list");
    return list.map(parseValidAttachment);
  });
}

export interface ValidAttachment {
  readonly containerId: string;
  readonly interfaceName: string;
}

/** One that cannot be read stops GC: it might be a living pod's. */
function parseValidAttachment(value: unknown): ValidAttachment {
  if (isObject(value) && typeof value.containerID === "string" && typeof value.ifname === "string")
    return { containerId: value.containerID, interfaceName: value.ifname };
  throw invalid("cni.dev/valid-attachments", 'must be a list of {"containerID": "...", "ifname": "..."}');
}

function parseObject(stdin: string): Json {
  try {
    const config: unknown = JSON.parse(stdin);
    if (isObject(config)) return config;
  } catch {
    // The parser's message quotes what it read, and configurations may hold secrets.
  }
  throw new CniError({ code: "DECODE", message: "the network configuration on stdin is no JSON object" });
}

function parseVersion(config: Json): CniVersion {
  const version = supportedVersions.find((supported) => supported === config.cniVersion);
  if (version) return version;
  throw new CniError({
    code: "INCOMPATIBLE_VERSION",
    message: `cniVersion must be one of ${supportedVersions.join(", ")}`,
    details: `the configuration says ${JSON.stringify(config.cniVersion ?? null)}`,
  });
}

function refuseUnknown(config: Json): void {
  const { type, runtimeConfig } = config;
  if (type !== "brindle" && type !== "calico")
    throw invalid("type", 'must be "brindle", or "calico" as Calico\'s lists have it');
  for (const [field, value] of Object.entries(config)) {
    if (known.has(field) || reserved.has(field) || field.startsWith("cni.dev/")) continue;
    if (type === "calico" && isCalicoField(field, value)) continue;
    throw unsupported(field, "remove it");
  }
  const other = Object.keys(runtimeConfig ?? {}).find((capability) => !capabilities.has(capability));
  if (other !== undefined)
    throw unsupported(`runtimeConfig.${other}`, `declare that capability for a plugin that follows ${type}`);
}

function parseName(name: unknown): string {
  // "Network configuration format" of the specification; it becomes part of a key in the datastore.
  if (typeof name === "string" && /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return name;
  throw invalid("name", 'must begin with a letter or digit and hold only letters, digits, "_", "." and "-"');
}

function parseIpam(ipam: unknown): IpamConfig {
  if (isObject(ipam) && ipam.type === "host-local") {
    const ranges = parseHostLocal(ipam);
    const families = { assignIpv4: ranges[4] !== undefined, assignIpv6: ranges[6] !== undefined };
    return { ...families, ipv4Pools: [], ipv6Pools: [], ranges };
  }
  if (!isObject(ipam) || !ipamTypes.includes(ipam.type))
    throw invalid("ipam.type", 'must be "brindle-ipam", or "calico-ipam" or "host-local" as Calico\'s lists have it');
  for (const field of Object.keys(ipam)) {
    if (!knownIpam.has(field)) throw unsupported(`ipam.${field}`, "addresses come from IPPools alone: remove it");
  }
  const config = {
    assignIpv4: parseAssign("ipam.assign_ipv4", ipam.assign_ipv4, true),
    assignIpv6: parseAssign("ipam.assign_ipv6", ipam.assign_ipv6, false),
    ipv4Pools: parsePools("ipam.ipv4_pools", ipam.ipv4_pools),
    ipv6Pools: parsePools("ipam.ipv6_pools", ipam.ipv6_pools),
  };
  if (!config.assignIpv4 && !config.assignIpv6)
    throw invalid("ipam.assign_ipv4", "and ipam.assign_ipv6 are both false: a pod needs an address");
  return config;
}

/** `true`, or `"true"` as Calico's configurations have it. */
function parseAssign(field: string, value: unknown, otherwise: boolean): Assign {
  if (value === undefined) return otherwise;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  if (value === "auto") return "auto";
  throw invalid(field, 'must be true, false or "auto"');
}

/** Calico's switches, of which the other one says nothing: whether addresses float to pods the FelixConfiguration tells alone. */
function parseFeatures(value: unknown): boolean {
  if (value === undefined) return false;
  const isFine =
    isObject(value) && Object.entries(value).every(([name, set]) => features.has(name) && typeof set === "boolean");
  if (!isFine) throw invalid("feature_control", `must be an object of true or false: ${[...features].join(", ")}`);
  return value.ip_addrs_no_ipam === true;
}

const features = new Set(["ip_addrs_no_ipam", "floating_ips"]);

function parsePools(field: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((pool) => typeof pool === "string" && pool !== "")) return value;
  throw invalid(field, "must be a list of names or CIDRs of pools");
}

function parseMtu(value: unknown): number | null {
  if (value === undefined || value === 0) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= mtuMin && value <= mtuMax) return value;
  throw invalid("mtu", `must be a whole number from ${mtuMin} to ${mtuMax}, or 0 to let the agent choose`);
}

/** By Calico's name; 0 is what its lists say that leave it out. */
function parseQueues(value: unknown): number {
  if (value === undefined || value === 0) return 1;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= queuesMax) return value;
  throw invalid("num_queues", `must be a whole number from 1 to ${queuesMax}`);
}

/** Of the conventions of `args.cni` we know three; the rest of `args` is other programs' business. */
function parseArgs(args: unknown): Json {
  const conventions = isObject(args) ? args.cni : undefined;
  if (conventions === undefined) return {};
  if (!isObject(conventions)) throw invalid("args.cni", "must be an object");
  const other = Object.keys(conventions).find((field) => !["labels", "ips", "mac"].includes(field));
  if (other !== undefined) throw unsupported(`args.cni.${other}`, "remove it");
  return conventions;
}

function parseLabels(list: unknown): Readonly<Record<string, string>> {
  // Made only where it is thrown: an error looks at the stack.
  const refusal = () => invalid("args.cni.labels", 'must be a list of {"key": "...", "value": "..."}');
  if (!Array.isArray(list)) throw refusal();
  const pairs = list.map((label: unknown) => {
    if (!isObject(label) || typeof label.key !== "string" || typeof label.value !== "string") throw refusal();
    return [label.key, label.value] as const;
  });
  return Object.fromEntries(pairs);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(field: string, rule: string): CniError {
  return new CniError({ code: "INVALID_CONFIG", message: `${field} ${rule}` });
}

/** The specification wants the field's value told, too. We keep it: the unknown field may be a password. */
function unsupported(field: string, advice: string): CniError {
  return new CniError({ code: "UNSUPPORTED_FIELD", message: `${field} is not supported: ${advice}` });
}
