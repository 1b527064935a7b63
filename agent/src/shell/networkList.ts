/**
 * The CNI executable, and behind it the network list, by which a kubelet knows that its node has a network: it is put in its place when the agent is
 * ready for the first time, and stays when the agent ends. With it there, and nobody to answer, pods fail to start.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../error.ts";
import { installCni } from "./installCni.ts";
import { installContent } from "./installFile.ts";

export interface NetworkList {
  readonly source: string;
  /** Where the container runtime looks for networks. */
  readonly directory: string;
  /** Ours, to be put where the runtime looks for executables; absent where an init step has done that. */
  readonly executable?: { readonly source: string; readonly directory: string };
}

export interface NetworkListPorts {
  readonly signal: AbortSignal;
  onInstalled(path: string): void;
  onProblem(reason: string): void;
}

const retryMs = 1_000;

/** Tries until it succeeds or is told to end. */
export async function installNetworkList(
  { source, directory, executable }: NetworkList,
  ports: NetworkListPorts,
): Promise<void> {
  const target = join(directory, basename(source));
  while (!ports.signal.aborted) {
    try {
      if (executable) await installExecutable(executable, source);
      await installContent(await readFile(source), target, 0o644);
      return ports.onInstalled(target);
    } catch (error) {
      ports.onProblem(`the network list cannot be put in its place: ${messageOf(error)}`);
      await delay(retryMs, undefined, { signal: ports.signal }).catch(() => {});
    }
  }
}

async function installExecutable(
  { source, directory }: NonNullable<NetworkList["executable"]>,
  networkList: string,
): Promise<void> {
  await installCni({ executable: source, binDirectory: directory, networkList });
}
