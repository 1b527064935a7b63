/** NetworkPolicy, GlobalNetworkPolicy and Profile share their rules. */
import type { Resource } from "./resource.ts";

export type PolicyDirection = "Ingress" | "Egress";
export type RuleAction = "Allow" | "Deny" | "Log" | "Pass";

/** A port number, a range `a:b`, or the name of a port of the endpoint. */
export type PortSpec = number | string;

export interface EntityRule {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly selector?: string;
  readonly notSelector?: string;
  readonly namespaceSelector?: string;
  readonly ports?: readonly PortSpec[];
  readonly notPorts?: readonly PortSpec[];
}

export interface IcmpMatch {
  readonly type?: number;
  readonly code?: number;
}

export interface Rule {
  readonly action: RuleAction;
  readonly ipVersion?: 4 | 6;
  /** A name (`TCP`, `UDP`, `ICMP`, `ICMPv6`, `SCTP`, `UDPLite`) or a number from 1 to 255. */
  readonly protocol?: string | number;
  readonly notProtocol?: string | number;
  readonly icmp?: IcmpMatch;
  readonly notICMP?: IcmpMatch;
  readonly source?: EntityRule;
  readonly destination?: EntityRule;
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

export interface PolicySpec {
  readonly tier?: string;
  readonly order?: number;
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  readonly selector?: string;
  readonly types?: readonly PolicyDirection[];
}

export interface GlobalPolicySpec extends PolicySpec {
  readonly namespaceSelector?: string;
}

export interface ProfileSpec {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  readonly labelsToApply?: Readonly<Record<string, string>>;
}

export type NetworkPolicy = Resource<"NetworkPolicy", PolicySpec>;
export type GlobalNetworkPolicy = Resource<"GlobalNetworkPolicy", GlobalPolicySpec>;
export type Profile = Resource<"Profile", ProfileSpec>;
