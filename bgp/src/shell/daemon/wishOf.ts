/** What the daemon's file says, and the files that it names. Only its own process loads this: what reads YAML is large. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import workspace from "../../../package.json" with { type: "json" };
import { readSettings } from "../../daemon/readSettings.ts";
import type { DaemonSettings } from "../../daemon/settings.ts";
import { defaults, type SpeakerWish, speakerWish } from "../../daemon/speakerConfigOf.ts";
import { BgpError } from "../../error.ts";
import { checkConfig } from "../../speaker/checkConfig.ts";
import { ownGroups } from "../../speaker/ownRoutes.ts";
import type { EndpointWish } from "./endpoints.ts";

export interface ReadWish {
  readonly wish: SpeakerWish;
  readonly endpoints: EndpointWish;
}

/**
 * Rejects with a `BgpError` with every problem that the text has. Files that it names are looked for beside `path`, whose
 * name the problems bear.
 */
export async function wishOf(text: string, path: string): Promise<ReadWish> {
  const read = readSettings(text);
  if (read.kind === "problems") throw invalid(path, read.problems);
  const passwords = await readPasswords(read.settings, path);
  const wish = speakerWish(read.settings, { passwords, software: `brindle-bgp ${workspace.version}` });
  try {
    checkConfig(wish.config);
    ownGroups(wish.originated);
  } catch (error) {
    if (error instanceof BgpError) throw invalid(path, [error.message]);
    throw error;
  }
  return { wish, endpoints: endpointsOf(read.settings) };
}

function endpointsOf({ controlSocket = defaults.controlSocket, metrics }: DaemonSettings): EndpointWish {
  const at = metrics ? { address: metrics.address, port: metrics.port ?? defaults.metricsPort } : null;
  return { controlSocket, metrics: at };
}

/** By the names of their files. An editor leaves an end of line behind a password; it is no part of it. */
async function readPasswords({ peers = [] }: DaemonSettings, path: string): Promise<Map<string, string>> {
  const passwords = new Map<string, string>();
  const problems: string[] = [];
  for (const [i, { passwordFile }] of peers.entries()) {
    if (passwordFile === undefined || passwords.has(passwordFile)) continue;
    try {
      const text = await readFile(resolve(dirname(path), passwordFile), "utf8");
      const password = text.replace(/\r?\n$/, "");
      // What the kernel takes (TCP_MD5SIG_MAXKEYLEN).
      const bytes = Buffer.byteLength(password, "utf8");
      if (bytes < 1 || bytes > 80)
        problems.push(`peers[${i}].passwordFile: has ${bytes} bytes, and 1 to 80 can be used`);
      passwords.set(passwordFile, password);
    } catch (error) {
      problems.push(`peers[${i}].passwordFile: cannot be read: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw invalid(path, problems);
  return passwords;
}

function invalid(file: string, problems: readonly string[]): BgpError {
  return new BgpError({ code: "FILE_INVALID", file, problems });
}
