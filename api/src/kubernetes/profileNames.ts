/** The profiles that stand for a namespace and for a service account. */

const namespacePrefix = "kns.";
const serviceAccountPrefix = "ksa.";

export function namespaceProfileName(namespace: string): string {
  return `${namespacePrefix}${namespace}`;
}

export function serviceAccountProfileName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}.${name}`;
}

/** `null` for another profile. */
export function namespaceOfProfile(profile: string): string | null {
  return profile.startsWith(namespacePrefix) ? profile.slice(namespacePrefix.length) : null;
}

/** No namespace has a dot in its name, a service account may. */
export function serviceAccountOfProfile(profile: string): { readonly namespace: string; readonly name: string } | null {
  const [, namespace, name] = /^ksa\.([^.]+)\.(.+)$/.exec(profile) ?? [];
  return namespace && name ? { namespace, name } : null;
}
