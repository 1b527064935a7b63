/** `bgp maintenance`: a session taken down gently, and brought back. */
import type { PeerStatus } from "@brindle/bgp";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import type { Ports } from "../ports.ts";
import { expectPeers } from "./expectPeers.ts";

export interface MaintenanceOptions {
  readonly all?: true;
  readonly text?: string;
  /** `90s`, `2m`. */
  readonly wait: string;
  readonly output: OutputForm;
}

type Answer = readonly (Pick<PeerStatus, "name" | "phase"> & {
  readonly maintenance: PeerStatus["maintenance"] | null;
})[];

export async function maintain(words: readonly string[], options: MaintenanceOptions, ports: Ports): Promise<ExitCode> {
  const { name, on } = whatOf(words, options.all === true);
  const waitSeconds = secondsOf(options.wait);
  if (name !== null) await expectPeers([name], ports);
  const { text } = options;
  const params = { name, on, waitSeconds, ...(text !== undefined && { text }) };
  const peers = (await ports.callAgent("bgp.maintenance", params)) as Answer; // What is promised to answer.
  if (options.output === "yaml" || options.output === "json") ports.print(formatStructure(peers, options.output));
  else ports.print(peers.map((peer) => lineOf(peer, waitSeconds)).join("\n") || "there is no peer");
  return 0;
}

function whatOf(words: readonly string[], all: boolean): { readonly name: string | null; readonly on: boolean } {
  const state = words.at(-1);
  if (state !== "on" && state !== "off") throw usage(`say on or off at the end, not "${state}"`);
  const names = words.slice(0, -1);
  if (all && names.length > 0) throw usage(`--all is all peers: leave out ${names.join(" ")}`);
  const [name] = names;
  if (!all && (name === undefined || names.length > 1)) throw usage("say which peer, one at a time, or --all");
  return { name: all ? null : (name ?? null), on: state === "on" };
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function secondsOf(text: string): number {
  const [, number, unit] = /^(\d{1,5})(s|m|h)$/.exec(text) ?? [];
  const seconds = Number(number) * (unitSeconds[unit ?? ""] ?? Number.NaN);
  if (!(seconds <= 86_400)) throw usage(`--wait ${text} is no duration like 60s or 2m, a day at most`);
  return seconds;
}

function lineOf({ name, maintenance }: Answer[number], waitSeconds: number): string {
  if (!maintenance) return `${name}: no maintenance; the session may come back`;
  if (maintenance.phase === "down") return `${name}: down`;
  return `${name}: its routes are the last resort; the session ends in ${waitSeconds} s`;
}
