/** The versions of the specification that are spoken, and since which of them a runtime may ask what. */
import type { Command } from "./environment.ts";
import { CniError } from "./error.ts";

/** The shim answers VERSION with the same (`SUPPORTED_VERSIONS` in shim/brindle.c). */
export const supportedVersions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
export type CniVersion = (typeof supportedVersions)[number];

const commandSince: Readonly<Partial<Record<Command, CniVersion>>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/** Whether `version` is this one or a later one. */
export function isSince(version: CniVersion, since: CniVersion): boolean {
  return supportedVersions.indexOf(version) >= supportedVersions.indexOf(since);
}

/** Refuses a command that the configuration's version does not have yet, as every reference plugin does. */
export function requireCommand(version: CniVersion, command: Command): void {
  const since = commandSince[command];
  if (since === undefined || isSince(version, since)) return;
  throw new CniError({
    code: "INCOMPATIBLE_VERSION",
    message: `cniVersion ${version} has no ${command}: it came with ${since}`,
  });
}
