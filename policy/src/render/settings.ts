/** What an operator may set about the rendering; the meaning of policies is the same with all of it, but for `encapsulation`. */
import type { EncapsulationSettings } from "../cluster.ts";
import { defaultFailsafes, type Failsafes } from "../hosts.ts";

export interface FilterSettings {
  /** How many packets that policy denies are told of in a second; 0 for none. */
  readonly deniedFlowsPerSecond: number;
  /** Whether flows with the mark for it (`endedFlowMark`) are dropped, though conntrack knows them. */
  readonly endsFlows: boolean;
  /** Calico's `iptablesFilterDenyAction`: whether the sender of what policy denies hears of it. */
  readonly denyAction: "Drop" | "Reject";
  readonly log: LogSettings;
  /** Calico's `chainInsertMode`: with `Append` the rules of others are asked first, and what they accept escapes policy. */
  readonly insertMode: "Insert" | "Append";
  readonly encapsulation: EncapsulationSettings;
  readonly failsafes: Failsafes;
  /** Calico's `workloadSourceSpoofing`: whether a pod may send from the networks that its endpoint names. */
  readonly sourceSpoofing: "Disabled" | "Any";
}

/** Of rules with the action Log. */
export interface LogSettings {
  /** Calico's `logPrefix`, with its `%t` for the tier, `%k` for the kind and `%n`, `%p` for the name of the policy. */
  readonly prefix: string;
  /** How often one rule may log, in iptables' words (`100/minute`); `null` for as often as it likes. */
  readonly rate: string | null;
  /** How many packets it may log at once before the rate counts. */
  readonly burst: number;
}

export const quietSettings: FilterSettings = {
  deniedFlowsPerSecond: 0,
  endsFlows: false,
  denyAction: "Drop",
  log: { prefix: "calico-packet", rate: null, burst: 5 },
  insertMode: "Insert",
  encapsulation: { vxlan: "Drop", vxlanPort: 4789, ipip: "Drop" },
  failsafes: defaultFailsafes,
  sourceSpoofing: "Disabled",
};

/** XT_LOG's prefix has 30 bytes with its end; behind ours stand a colon and a space. */
const logPrefixBytesMax = 29;

/** Whose rule logs. */
export interface LogOwner {
  readonly kind: "NetworkPolicy" | "GlobalNetworkPolicy" | "Profile";
  readonly namespace: string | null;
  readonly name: string;
  readonly tier: string;
}

const shortKinds: Readonly<Record<LogOwner["kind"], string>> = {
  NetworkPolicy: "np",
  GlobalNetworkPolicy: "gnp",
  Profile: "pro",
};

export function logPrefix({ prefix }: LogSettings, { kind, namespace, name, tier }: LogOwner): string {
  const qualified = namespace === null ? name : `${namespace}/${name}`;
  const parts: Readonly<Record<string, string>> = { t: tier, k: shortKinds[kind], n: name, p: qualified };
  const expanded = prefix.replaceAll(/%([tknp])/g, (_, letter: string) => parts[letter] ?? "");
  const text = expanded.replaceAll(/[^ -~]/g, "?").slice(0, logPrefixBytesMax - 2);
  return text === "" ? "" : `${text}: `;
}
