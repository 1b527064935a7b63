/** A plugin under trial, and the one place where it is executed. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { Outcome } from "../fixtures/command.ts";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import type { Machine } from "../lab/topology/machine.ts";
import type { Container, Invocation, SpecVersion, Trial } from "./rule.ts";

export interface Subject {
  readonly name: string;
  /** The executable, by its path on the machine. */
  readonly plugin: string;
  /** Of the plugin, as a runtime hands it over but for the version. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly machine: Machine;
}

/** The folder is in CNI_PATH for plugins that execute others, as for addresses. */
const moreFolders = "/usr/lib/cni:/opt/cni/bin";

export interface OpenTrial extends Trial, AsyncDisposable {}

export function openTrial(subject: Subject, version: SpecVersion, instance: Instance): OpenTrial {
  const containers: Container[] = [];
  const namespaces: Namespace[] = [];
  const call = (command: string, invocation: Invocation = {}, usual: Readonly<Record<string, string>> = {}) =>
    execute(subject, { command, version, usual, invocation });
  return {
    version,
    host: subject.machine.namespace,
    call: (command, invocation) => call(command, invocation),
    async container({ sharing, interfaceName = "eth0" } = {}) {
      const id = sharing?.id ?? randomBytes(32).toString("hex");
      const namespace = sharing?.namespace ?? (await createNamespace(`c-${id.slice(0, 8)}`, { instance }));
      if (!sharing) namespaces.push(namespace);
      const usual = { CNI_CONTAINERID: id, CNI_NETNS: namespace.path, CNI_IFNAME: interfaceName };
      const container: Container = {
        id,
        namespace,
        interfaceName,
        call: (command, invocation) => call(command, invocation, usual),
      };
      containers.push(container);
      return container;
    },
    async [Symbol.asyncDispose]() {
      for (const container of containers.reverse()) await container.call("DEL");
      for (const namespace of namespaces) await namespace[Symbol.asyncDispose]();
    },
  };
}

interface Execution {
  readonly command: string;
  readonly version: SpecVersion;
  readonly usual: Readonly<Record<string, string>>;
  readonly invocation: Invocation;
}

function execute(subject: Subject, { command, version, usual, invocation }: Execution): Promise<Outcome> {
  const { plugin, machine } = subject;
  const folder = plugin.slice(0, -basename(plugin).length - 1);
  const wanted = { CNI_PATH: `${folder}:${moreFolders}`, ...usual, ...invocation.variables, CNI_COMMAND: command };
  const env = Object.fromEntries(
    Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== null),
  );
  const config = { ...subject.config, cniVersion: version, ...invocation.config };
  return machine.run(plugin, [], { env, input: invocation.stdin ?? JSON.stringify(config) });
}
