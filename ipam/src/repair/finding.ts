/** What can be wrong with the addresses of a cluster, each finding one that a healthy cluster does not keep. */
import type { HeldAddress } from "../block.ts";

export type Finding =
  /** Nobody may write to such a block: a person has to look at it. */
  | { readonly kind: "invalidBlock"; readonly block: string; readonly problems: readonly string[] }
  /** Stored, and cannot be read. */
  | { readonly kind: "unreadable"; readonly object: string; readonly reason: string }
  /** Two blocks of which one lies in the other: both may give the same address. */
  | { readonly kind: "overlap"; readonly block: string; readonly other: string }
  /** Several endpoints say that they have it. */
  | { readonly kind: "duplicate"; readonly address: string; readonly endpoints: readonly string[] }
  /** An endpoint has an address out of a pool that no block gave: it may be given to another. */
  | { readonly kind: "notAllocated"; readonly address: string; readonly endpoint: string }
  /** An endpoint has an address which a block gave to somebody else. */
  | { readonly kind: "heldByOther"; readonly address: string; readonly endpoint: string; readonly handleId: string }
  /** A handle whose owner is gone, with all that it holds. */
  | Leak
  /** Its addresses have an owner, but a release would not find them. */
  | { readonly kind: "missingHandle"; readonly handleId: string; readonly addresses: readonly HeldAddress[] }
  /** The handle counts other than the blocks hold. */
  | {
      readonly kind: "wrongCount";
      readonly handleId: string;
      readonly counted: number;
      readonly held: readonly HeldAddress[];
    }
  /** It holds nothing at all: what Calico leaves when it stops between handle and block. */
  | { readonly kind: "orphanHandle"; readonly handleId: string; readonly counted: number }
  /** A claim of a block that does not exist. */
  | { readonly kind: "affinityWithoutBlock"; readonly affinity: string; readonly node: string; readonly block: string }
  /** A claim of a block that is another's. */
  | {
      readonly kind: "lostAffinity";
      readonly affinity: string;
      readonly node: string;
      readonly block: string;
      readonly owner: string | null;
    }
  /** A node's block that it does not claim: no router hears of it. */
  | { readonly kind: "blockWithoutAffinity"; readonly block: string; readonly node: string }
  /** A node that is gone has a block, or the claim of one, still. */
  | { readonly kind: "blockOfGoneNode"; readonly block: string; readonly node: string; readonly inUse: number }
  /**
   * An empty block that nobody will take an address of: its node may not, or it has none. Others might, and routers hear of it. With
   * the number of its last write.
   */
  | {
      readonly kind: "unusedBlock";
      readonly block: string;
      readonly node: string | null;
      readonly sequenceNumber: bigint;
    }
  /** An endpoint whose pod or node is gone, with what its container holds. */
  | {
      readonly kind: "staleEndpoint";
      /** `<namespace>/<name>` */
      readonly endpoint: string;
      readonly container: string;
      readonly node: string;
      readonly reason: "podGone" | "nodeGone";
    }
  /** A Node resource whose node Kubernetes has no more. */
  | { readonly kind: "staleNode"; readonly node: string };

export interface Leak {
  readonly kind: "leak";
  readonly handleId: string;
  readonly node: string;
  /** `<namespace>/<pod>` where it was a pod's, else what it was for. */
  readonly owner: string;
  readonly addresses: readonly HeldAddress[];
  readonly reason: LeakReason;
}

export type LeakReason =
  /** Its pod is gone. */
  | "podGone"
  /** Its pod has another container by now. */
  | "otherContainer"
  /** Its pod is there and has run to its end. */
  | "podFinished"
  /** There is no endpoint of its container. */
  | "noEndpoint"
  | "nodeGone";

/** Whether it is about a node that is no more, which is certain sooner than anything else. */
export function concernsGoneNode(finding: Finding): boolean {
  switch (finding.kind) {
    case "leak":
    case "staleEndpoint":
      return finding.reason === "nodeGone";
    case "blockOfGoneNode":
    case "staleNode":
      return true;
    default:
      return false;
  }
}

/** What a repair needs a person for: no program can say which of two pods has an address. */
export function isForPeople({ kind }: Finding): boolean {
  return peoples.includes(kind);
}

const peoples: readonly Finding["kind"][] = [
  "invalidBlock",
  "unreadable",
  "overlap",
  "duplicate",
  "notAllocated",
  "heldByOther",
];

/**
 * The same text as long as it is the same trouble with the same thing: an address that is given anew, a handle or claim
 * that is written, is another. `revisionOf` answers for `<kind>/<name>`.
 */
export function identityOf(
  finding: Finding,
  revisionOf: (kind: "handle" | "affinity", name: string) => string,
): string {
  const { kind } = finding;
  switch (kind) {
    case "leak":
      return [kind, finding.handleId, ...holdings(finding.addresses)].join(" ");
    case "missingHandle":
      return [kind, finding.handleId, ...holdings(finding.addresses)].join(" ");
    case "wrongCount":
      return [kind, finding.handleId, revisionOf("handle", finding.handleId), ...holdings(finding.held)].join(" ");
    case "orphanHandle":
      return [kind, finding.handleId, revisionOf("handle", finding.handleId)].join(" ");
    case "affinityWithoutBlock":
    case "lostAffinity":
      return [kind, finding.affinity, revisionOf("affinity", finding.affinity)].join(" ");
    case "blockWithoutAffinity":
    case "blockOfGoneNode":
      return [kind, finding.block, finding.node].join(" ");
    case "unusedBlock":
      return [kind, finding.block, finding.node ?? "", finding.sequenceNumber].join(" ");
    case "staleEndpoint":
      return [kind, finding.endpoint, finding.container].join(" ");
    case "staleNode":
      return [kind, finding.node].join(" ");
    case "invalidBlock":
      return [kind, finding.block].join(" ");
    case "unreadable":
      return [kind, finding.object].join(" ");
    case "overlap":
      return [kind, finding.block, finding.other].join(" ");
    case "duplicate":
      return [kind, finding.address].join(" ");
    case "notAllocated":
    case "heldByOther":
      return [kind, finding.address, finding.endpoint].join(" ");
  }
}

function holdings(held: readonly HeldAddress[]): string[] {
  return held.map(({ block, address, sequenceNumber }) => `${block}+${address.value}@${sequenceNumber}`).toSorted();
}
