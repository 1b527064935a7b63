/**
 * The password of a session: which Secret it stands in, and why it is not to be had. A peer whose password is missing is
 * not dialled without it. No text made here holds a byte of a password.
 */
import type { SecretReference } from "@brindle/api";

/** What is known of a Secret. */
export type SecretState =
  /** It is asked for. */
  | { readonly kind: "waiting" }
  | { readonly kind: "absent" }
  /** Nobody can say; `reason` in words. */
  | { readonly kind: "unread"; readonly reason: string }
  | { readonly kind: "present"; readonly entries: ReadonlyMap<string, Uint8Array> };

export type Secrets = (name: string) => SecretState;

export type Password =
  | { readonly kind: "none" }
  | { readonly kind: "known"; readonly value: string }
  | { readonly kind: "missing"; readonly reason: string; readonly isWaiting: boolean };

/** TCP_MD5SIG_MAXKEYLEN (linux/tcp.h) */
const passwordBytesMax = 80;

export function passwordOf(reference: SecretReference | undefined, secrets: Secrets): Password {
  if (reference === undefined) return { kind: "none" };
  const { name, key = "", optional = false } = reference.secretKeyRef ?? {};
  if (!name || key === "") return missing("its password names no Secret and key");
  const secret = secrets(name);
  switch (secret.kind) {
    case "waiting":
      return { kind: "missing", reason: `Secret ${name} is not read yet`, isWaiting: true };
    case "unread":
      return missing(`Secret ${name} cannot be read: ${secret.reason}`);
    case "absent":
      return optional ? { kind: "none" } : missing(`there is no Secret ${name}`);
    case "present": {
      const bytes = secret.entries.get(key);
      if (bytes !== undefined) return judged(bytes, `the entry ${key} of Secret ${name}`);
      return optional ? { kind: "none" } : missing(`Secret ${name} has no entry ${key}`);
    }
  }
}

/** The Secrets by name; each once. */
export function secretNames(references: Iterable<SecretReference | undefined>): ReadonlySet<string> {
  return new Set([...references].flatMap((reference) => reference?.secretKeyRef?.name ?? []).filter((name) => name));
}

function judged(bytes: Uint8Array, entry: string): Password {
  const value = decoded(bytes);
  if (value === null) return missing(`${entry} is no text`);
  if (value === "") return missing(`${entry} is empty`);
  if (bytes.length > passwordBytesMax) {
    return missing(`${entry} has ${bytes.length} bytes, and TCP takes ${passwordBytesMax} at most`);
  }
  // What a file or `echo` brings along; no router has it in its password.
  if (/[\r\n]$/.test(value)) return missing(`${entry} ends with a line break: make it of the password alone`);
  return { kind: "known", value };
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function missing(reason: string): Password {
  return { kind: "missing", reason, isWaiting: false };
}
