/** What the API server can say of a pool by itself. That pools do not overlap, and what their blocks are, it cannot know. */
import type { CelRule } from "./schema.ts";

const cidr = "cidr(self.spec.cidr)";
const isV4 = `${cidr}.ip().family() == 4`;
const blockSize = `(has(self.spec.blockSize) && self.spec.blockSize != 0 ? self.spec.blockSize : (${isV4} ? 26 : 122))`;
const isOn = (mode: string): string => `(has(self.spec.${mode}) && self.spec.${mode} != 'Never')`;
const isFor = (use: string): string => `(has(self.spec.allowedUses) && '${use}' in self.spec.allowedUses)`;

/** Rules that ask for the range hold where it is none: another rule says so. */
const ofRange = (rule: string): string => `!isCIDR(self.spec.cidr) || (${rule})`;

export const ipPoolRules: readonly CelRule[] = [
  {
    rule: "self.spec.cidr == oldSelf.spec.cidr",
    message: "cannot change: make a new pool, disable this one, and move the pods",
    fieldPath: ".spec.cidr",
  },
  {
    rule: `${blockSize} == ${blockSize.replaceAll("self", "oldSelf")}`,
    message: "cannot change: make a new pool, disable this one, and move the pods",
    fieldPath: ".spec.blockSize",
  },
  { rule: "isCIDR(self.spec.cidr)", message: "is no network, like 10.244.0.0/16", fieldPath: ".spec.cidr" },
  {
    rule: ofRange(`${cidr} == ${cidr}.masked()`),
    message: "has host bits set; write the network's first address",
    fieldPath: ".spec.cidr",
  },
  {
    rule: ofRange(
      ["169.254.0.0/16", "fe80::/10"]
        .map((range) => `!cidr('${range}').containsIP(${cidr}.ip()) && !${cidr}.containsCIDR('${range}')`)
        .join(" && "),
    ),
    message: "overlaps with link-local addresses",
    fieldPath: ".spec.cidr",
  },
  {
    rule: ofRange(`${isV4} ? ${blockSize} >= 20 && ${blockSize} <= 32 : ${blockSize} >= 116 && ${blockSize} <= 128`),
    message: "must be from 20 to 32 for IPv4, from 116 to 128 for IPv6",
    fieldPath: ".spec.blockSize",
  },
  {
    rule: ofRange(`(has(self.spec.disabled) && self.spec.disabled) || ${cidr}.prefixLength() <= ${blockSize}`),
    message: "is smaller than one block",
    fieldPath: ".spec.cidr",
  },
  {
    rule: `!${isOn("ipipMode")} || !${isOn("vxlanMode")}`,
    message: "cannot be on together with ipipMode",
    fieldPath: ".spec.vxlanMode",
  },
  { rule: ofRange(`${isV4} || !${isOn("ipipMode")}`), message: "carries no IPv6", fieldPath: ".spec.ipipMode" },
  {
    rule: `!${isFor("LoadBalancer")} || size(self.spec.allowedUses) == 1`,
    message: "LoadBalancer cannot be combined with another use",
    fieldPath: ".spec.allowedUses",
  },
  {
    rule: `!${isFor("LoadBalancer")} || !has(self.spec.disableBGPExport) || !self.spec.disableBGPExport`,
    message: "a LoadBalancer pool must be announced",
    fieldPath: ".spec.disableBGPExport",
  },
  {
    rule: `!${isFor("LoadBalancer")} || !(${isOn("ipipMode")} || ${isOn("vxlanMode")})`,
    message: "a LoadBalancer pool has no encapsulation",
    fieldPath: ".spec",
  },
  {
    rule: `!${isFor("LoadBalancer")} || !has(self.spec.nodeSelector) || self.spec.nodeSelector == 'all()'`,
    message: "a LoadBalancer pool is for all() nodes",
    fieldPath: ".spec.nodeSelector",
  },
  {
    rule: `!${isFor("Tunnel")} || !has(self.spec.namespaceSelector) || size(self.spec.namespaceSelector) == 0`,
    message: "a pool for Tunnel has no namespaces; set allowedUses to [Workload]",
    fieldPath: ".spec.namespaceSelector",
  },
];
