/** What a rule of the CNI specification is, and what it is tried with: a plugin behind its executable, seen from outside alone. */
import type { Outcome } from "../fixtures/command.ts";
import type { Namespace, NamespaceView } from "../fixtures/namespace.ts";

export const specVersions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
export type SpecVersion = (typeof specVersions)[number];

export const doesNotApply = "does not apply";

export type Command = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";

export interface Rule {
  /** A sentence that a plugin keeps or breaks. */
  readonly name: string;
  readonly since?: SpecVersion;
  /** The last version that it holds for. */
  readonly until?: SpecVersion;
  /** Throws what the plugin did instead. A rule about what this kind of plugin does not make does not apply. */
  run(trial: Trial): Promise<unknown>;
}

/** One rule tried on one plugin in one version. What it makes is unmade afterwards. */
export interface Trial {
  readonly version: SpecVersion;
  /** The machine that the containers are on. */
  readonly host: NamespaceView;
  /** With a namespace of its own, or in that of another. */
  container(options?: { readonly sharing?: Container; readonly interfaceName?: string }): Promise<Container>;
  /** Executes the plugin for no container. */
  call(command: string, invocation?: Invocation): Promise<Outcome>;
}

export interface Invocation {
  /** Variables in place of the usual ones; `null` leaves one out. */
  readonly variables?: Readonly<Record<string, string | null>>;
  /** Fields in place of the configuration's; `undefined` leaves one out. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** In place of the whole configuration. */
  readonly stdin?: string;
}

export interface Container {
  readonly id: string;
  readonly namespace: Namespace;
  readonly interfaceName: string;
  call(command: Command, invocation?: Invocation): Promise<Outcome>;
}

/** The result of an ADD, as far as rules look into it. */
export interface Result {
  readonly cniVersion: string;
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultAddress[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
}

export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly sandbox?: string;
  readonly mtu?: number;
}

export interface ResultAddress {
  readonly version?: string;
  readonly address: string;
  readonly gateway?: string;
  readonly interface?: number;
}
