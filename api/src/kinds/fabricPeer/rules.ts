/** What the fields of a FabricPeer must be together. */
import { parseAddress } from "@brindle/net";
import { parsePeerIp } from "../bgpPeer.ts";
import type { FabricPeerSpec } from "../fabricPeer.ts";
import { durationMs } from "../goDuration.ts";
import { celHas, exclusive, type SpecRule } from "../specRule.ts";

/** The ways to say who the peer is. */
const peerFields = [
  "peerIP",
  "interface",
  "range",
  "defaultGateway",
  "peerSelector",
  "localWorkloadSelector",
] as const satisfies readonly (keyof FabricPeerSpec)[];

const asNumberFields = ["asNumber", "asNumberFromNodeLabel", "peerType"] as const;
/** Who is found by these is a router that nobody has named: a default AS would be a guess. */
const unnamedPeers = ["interface", "range", "defaultGateway", "localWorkloadSelector"] as const;

const celAny = (fields: readonly string[]): string => `(${fields.map(celHas).join(" || ")})`;

type Rule = SpecRule<FabricPeerSpec>;
const gives = (spec: Partial<FabricPeerSpec>, fields: readonly (keyof FabricPeerSpec)[]): number =>
  fields.filter((name) => spec[name] !== undefined).length;

const oneWay: Rule = {
  field: "peerIP",
  others: peerFields,
  message: `exactly one of ${peerFields.join(", ")} says who the peer is`,
  cel: `[${peerFields.map(celHas).join(", ")}].filter(given, given).size() == 1`,
  holds: (spec) => gives(spec, peerFields) === 1,
};

const asOfUnnamed: Rule = {
  field: "asNumber",
  others: [...unnamedPeers, ...asNumberFields],
  message: `is missing: with ${unnamedPeers.join(", ")} one of ${asNumberFields.join(", ")} is needed`,
  cel: `!${celAny(unnamedPeers)} || ${celAny(asNumberFields)}`,
  holds: (spec) => gives(spec, unnamedPeers) === 0 || gives(spec, asNumberFields) > 0,
};

const asOfNodes: Rule = {
  field: "peerSelector",
  others: asNumberFields,
  message: `cannot be given together with ${asNumberFields.join(", ")}: each node's own AS counts`,
  cel: `!has(self.spec.peerSelector) || !${celAny(asNumberFields)}`,
  holds: (spec) => spec.peerSelector === undefined || gives(spec, asNumberFields) === 0,
};

const dialledRange: Rule = {
  field: "passive",
  others: ["range"],
  message: "cannot be false with a range: a node cannot dial everyone in it",
  cel: "!has(self.spec.range) || !has(self.spec.passive) || self.spec.passive",
  holds: ({ range, passive }) => range === undefined || passive !== false,
};

const retryOfPassive: Rule = {
  field: "connectRetryTime",
  others: ["range", "passive"],
  message: "has no use where the peer dials: passive is true, or it is one of a range",
  cel: "!has(self.spec.connectRetryTime) || !(has(self.spec.range) || self.spec.?passive.orValue(false))",
  holds: ({ connectRetryTime, range, passive }) => connectRetryTime === undefined || (range === undefined && !passive),
};

const roleInside: Rule = {
  field: "role",
  others: ["peerSelector", "peerType"],
  message: "is for sessions between two AS: not with peerSelector, nor with peerType Internal",
  cel: "!has(self.spec.role) || (!has(self.spec.peerSelector) && self.spec.?peerType.orValue('External') != 'Internal')",
  holds: ({ role, peerSelector, peerType }) =>
    role === undefined || (peerSelector === undefined && peerType !== "Internal"),
};

const strictRole: Rule = {
  field: "strictRole",
  others: ["role"],
  message: "needs a role",
  cel: "!self.spec.?strictRole.orValue(false) || has(self.spec.role)",
  holds: ({ strictRole, role }) => !strictRole || role !== undefined,
};

const farBfd: Rule = {
  field: "bfd",
  others: ["interface"],
  message: "cannot be Multihop where the peer is found by its interface",
  cel: "!has(self.spec.interface) || self.spec.?bfd.?mode.orValue('Auto') != 'Multihop'",
  holds: ({ interface: name, bfd }) => name === undefined || bfd?.mode !== "Multihop",
};

const keepaliveInHold: Rule = {
  field: "keepaliveTime",
  others: ["holdTime"],
  message: "is longer than a third of holdTime (RFC 4271 §10), so that one lost packet could end the session",
  holds: ({ keepaliveTime, holdTime }) => {
    const [keepalive, hold] = [durationMs(keepaliveTime ?? "0s") ?? 0, durationMs(holdTime ?? "0s") ?? 0];
    return hold === 0 || keepalive <= hold / 3;
  },
};

const gatewayOfFamily: Rule = {
  field: "reachableBy",
  others: ["peerIP"],
  message: "needs a peerIP of its own family",
  holds: ({ reachableBy, peerIP }) =>
    reachableBy === undefined ||
    parseAddress(parsePeerIp(peerIP ?? "")?.address ?? "")?.family === parseAddress(reachableBy)?.family,
};

export const fabricPeerRules: readonly Rule[] = [
  exclusive("node", "nodeSelector"),
  oneWay,
  exclusive("asNumber", "asNumberFromNodeLabel", "peerType"),
  asOfUnnamed,
  asOfNodes,
  exclusive("localASNumber", "localASNumberFromNodeLabel"),
  dialledRange,
  retryOfPassive,
  roleInside,
  strictRole,
  farBfd,
  keepaliveInHold,
  gatewayOfFamily,
];
