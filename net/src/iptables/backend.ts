/** Which of the kernel's two packet filters the node uses: nf_tables by way of iptables-nft, or the legacy one. */

export type TablesBackend = "nft" | "legacy";

/** What was seen on the node. */
export interface BackendSigns {
  /** What the node's `iptables --version` says of itself, "nf_tables" or "legacy"; `null` without the command. */
  readonly commandVersion: string | null;
  /** iptables-save of each, as text; empty when there is nothing or the backend does not work. */
  readonly nftSave: string;
  readonly legacySave: string;
}

/**
 * 1. Where kubelet or kube-proxy left its hint or canary chains, that one: they are the node's own choice.
 * 2. Else the one with more rules: someone works with it.
 * 3. Else what the `iptables` command is.
 *
 * Rules in the backend that nobody uses are worse than none: packets pass both, and a drop in either is final.
 */
export function chooseBackend({ commandVersion, nftSave, legacySave }: BackendSigns): TablesBackend {
  const isNftHinted = kubernetesHint.test(nftSave);
  const isLegacyHinted = kubernetesHint.test(legacySave);
  if (isNftHinted !== isLegacyHinted) return isNftHinted ? "nft" : "legacy";
  const nftRules = countRules(nftSave);
  const legacyRules = countRules(legacySave);
  if (nftRules !== legacyRules) return nftRules > legacyRules ? "nft" : "legacy";
  return commandVersion === null || commandVersion.includes("nf_tables") ? "nft" : "legacy";
}

const kubernetesHint = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY) /m;

function countRules(save: string): number {
  return save.match(/^(\[\d+:\d+\] )?-A /gm)?.length ?? 0;
}
