/**
 * Whether a datastore still tells the story that it told before. A restored snapshot, or another datastore at the same
 * address, has revisions which we may have seen with other values, so that equal revisions prove nothing any more.
 */

/** What etcd says of itself in each answer; of an answer that its quorum stands behind none of it ever gets less. */
export interface Standing {
  readonly clusterId: string;
  readonly raftTerm: string;
  readonly revision: string;
}

/** Why `now` cannot be a later state of what `before` was, or `null`. */
export function setBackReason(before: Standing, now: Standing): string | null {
  if (now.clusterId !== before.clusterId) return `another cluster answers: ${now.clusterId}, not ${before.clusterId}`;
  if (BigInt(now.revision) < BigInt(before.revision)) {
    return `revisions run backwards, from ${before.revision} to ${now.revision}: an older snapshot was restored`;
  }
  // A restored cluster elects anew from the first term on, and may meanwhile have passed the revision that we knew.
  if (BigInt(now.raftTerm) < BigInt(before.raftTerm)) {
    return `elections are counted anew, ${now.raftTerm} after ${before.raftTerm}: a snapshot was restored`;
  }
  return null;
}
