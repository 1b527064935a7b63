/** A set of names that has one most of the time: there are hundreds of thousands of these, and a Set takes 150 bytes. */

export type FewNames = string | Set<string>;

export function listed(names: FewNames | undefined): Iterable<string> {
  if (names === undefined) return [];
  return typeof names === "string" ? [names] : names;
}

export function includes(names: FewNames | undefined, name: string): boolean {
  return names === name || (names instanceof Set && names.has(name));
}

/** The set with one more; a Set is changed in its place. */
export function withName(names: FewNames | undefined, name: string): FewNames {
  if (names === undefined || names === name) return name;
  return typeof names === "string" ? new Set([names, name]) : names.add(name);
}

/** The set without one; `undefined` where none is left. */
export function withoutName(names: FewNames | undefined, name: string): FewNames | undefined {
  if (typeof names !== "object") return names === name ? undefined : names;
  names.delete(name);
  return names.size === 0 ? undefined : names;
}
