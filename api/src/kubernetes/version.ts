/** Versions of one datastore are integers that grow (Kubernetes says so since 1.35; etcd's revisions always were). */
export function isOlder(version: string, than: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);
}
