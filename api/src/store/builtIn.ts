/** The profile that exists without being stored: every store tells it, and refuses to write it. */
import { defaultAllowProfile } from "../kinds/profile.ts";
import { inScope } from "./etcdKeys.ts";
import type { Item, Key, Kind, Scope } from "./store.ts";

/** What no write ever gets: the profile is older than the datastore. */
const revision = "0";

/** What belongs to a listing of `kind` beside what is stored. */
export function builtIn<K extends Kind>(kind: K, scope: Scope = {}): Item<K>[] {
  const key: Key = { kind: "Profile", name: defaultAllowProfile.metadata.name };
  if (kind !== "Profile" || !inScope(key, scope)) return [];
  return [{ key, value: defaultAllowProfile, revision } as Item<K>];
}

export function isDefaultAllow(key: Key): boolean {
  return key.kind === "Profile" && key.name === defaultAllowProfile.metadata.name;
}
