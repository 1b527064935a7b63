/** Findings in words, for people and logs. */
import { formatAddress } from "@brindle/net";
import type { HeldAddress } from "../block.ts";
import type { Finding, LeakReason } from "./finding.ts";

/** Without a full stop. */
export function describeFinding(finding: Finding): string {
  switch (finding.kind) {
    case "invalidBlock":
      return `block ${finding.block} is unsound: ${finding.problems.join("; ")}`;
    case "unreadable":
      return `${finding.object} cannot be read: ${finding.reason}`;
    case "overlap":
      return `block ${finding.other} lies in block ${finding.block}: both may give the same address`;
    case "duplicate":
      return `${finding.address} is the address of several endpoints: ${finding.endpoints.join(", ")}`;
    case "notAllocated":
      return `${finding.address} of ${finding.endpoint} is given by no block, and may be given to another`;
    case "heldByOther":
      return `${finding.address} of ${finding.endpoint} was given to another: ${finding.handleId}`;
    case "leak":
      return `${listed(finding.addresses)} on ${finding.node}: ${reasons[finding.reason](finding.owner)} (${finding.handleId})`;
    case "missingHandle":
      return `${listed(finding.addresses)}: no handle ${finding.handleId}, so that a release would not find it`;
    case "wrongCount":
      return `handle ${finding.handleId} counts ${finding.counted} addresses and holds ${finding.held.length}, or in other blocks`;
    case "orphanHandle":
      return `handle ${finding.handleId} counts ${finding.counted} addresses and holds none`;
    case "affinityWithoutBlock":
      return `${finding.node} claims ${finding.block}, which does not exist`;
    case "lostAffinity":
      return `${finding.node} claims ${finding.block}, which is ${finding.owner?.replace(/^host:/, "the block of ") ?? "nobody's"}`;
    case "blockWithoutAffinity":
      return `${finding.block} is the block of ${finding.node}, which does not claim it: no router hears of it`;
    case "blockOfGoneNode":
      return `${finding.block} is the block of ${finding.node}, which is gone; ${finding.inUse} of its addresses are in use`;
    case "unusedBlock":
      return finding.node === null
        ? `${finding.block} is empty and no node's`
        : `${finding.block} is an empty block of ${finding.node}, which no pool gives it any more`;
    case "staleEndpoint":
      return `endpoint ${finding.endpoint}: its ${finding.reason === "podGone" ? "pod" : "node"} is gone`;
    case "staleNode":
      return `Node ${finding.node}: Kubernetes has no such node any more`;
  }
}

const reasons: Readonly<Record<LeakReason, (owner: string) => string>> = {
  podGone: (owner) => `the pod ${owner} is gone`,
  otherContainer: (owner) => `the pod ${owner} has another container`,
  podFinished: (owner) => `the pod ${owner} has run to its end`,
  noEndpoint: () => "there is no endpoint of its container",
  nodeGone: (owner) => `the node is gone, and ${owner} with it`,
};

function listed(held: readonly HeldAddress[]): string {
  return held.map(({ address }) => formatAddress(address)).join(", ");
}
