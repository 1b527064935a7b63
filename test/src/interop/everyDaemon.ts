/**
 * The daemons of the matrix. What one of them cannot do is said with its version, so that a newer one is looked at again; a
 * feature for which a daemon is neither tried nor said to be unable fails where its tests are collected.
 */
import { run } from "../fixtures/command.ts";
import { exaBgpVersion } from "../fixtures/routers/exabgp.ts";

export type DaemonName = "BIRD" | "FRR" | "GoBGP" | "OpenBGPD" | "ExaBGP";

interface Known {
  /** What it was found out with. */
  readonly version: string;
  readonly ask: () => Promise<string>;
}

const daemons: Readonly<Record<DaemonName, Known>> = {
  BIRD: { version: "2.0.12", ask: versionOf("bird", "--version") },
  FRR: { version: "8.4.4", ask: versionOf("/usr/lib/frr/bgpd", "--version") },
  GoBGP: { version: "3.10.0", ask: versionOf("gobgpd", "--version") },
  OpenBGPD: { version: "7.7", ask: versionOf("bgpd", "-V") },
  ExaBGP: { version: "5.0.15", ask: exaBgpVersion },
};

export const daemonNames = Object.keys(daemons) as readonly DaemonName[];

export interface Unable extends Known {
  readonly name: DaemonName;
  readonly why: string;
}

/** Those that are not tried. Throws where one is neither tried nor has a reason, or is and has. */
export function unableTo(
  feature: string,
  tried: readonly { readonly name: string }[],
  reasons: Readonly<Partial<Record<DaemonName, string>>>,
): Unable[] {
  return daemonNames.flatMap((name): Unable[] => {
    const why = reasons[name];
    const isTried = tried.some((subject) => subject.name === name);
    if (isTried === (why !== undefined))
      throw new Error(`${feature}: ${name} ${isTried ? "can and cannot" : "has no cell"}`);
    return why === undefined ? [] : [{ name, why, ...daemons[name] }];
  });
}

function versionOf(command: string, argument: string): () => Promise<string> {
  return async () => {
    const { stdout, stderr } = await run(command, [argument]);
    return stdout + stderr;
  };
}
