/** The variables by which a runtime says what it wants, checked as the specification, "Parameters", asks. */
import { CniError } from "./error.ts";

export const commands = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;
export type Command = (typeof commands)[number];

/** The container and interface that ADD and DEL are about. */
export interface Environment {
  readonly containerId: string;
  readonly interfaceName: string;
  /** The path of the container's network namespace. DEL may come without: the namespace may be gone. */
  readonly netns: string | null;
  readonly args: CniArgs;
}

/** What is known of CNI_ARGS; Kubernetes' runtimes send these. podman sends a name without a namespace, which is no pod's. */
export interface CniArgs {
  readonly podNamespace?: string;
  readonly podName?: string;
  readonly podUid?: string;
  /** As podman hands on `--ip` and `--mac-address`. */
  readonly ip?: string;
  readonly mac?: string;
}

const containerIdBytesMax = 200; // The id becomes part of a file name; the executable has the same limit.
const argNames: ReadonlyMap<string, keyof CniArgs | null> = new Map([
  ["K8S_POD_NAMESPACE", "podNamespace"],
  ["K8S_POD_NAME", "podName"],
  ["K8S_POD_UID", "podUid"],
  ["K8S_POD_INFRA_CONTAINER_ID", null], // The container's id once more.
  ["IgnoreUnknown", null],
  ["IP", "ip"],
  ["MAC", "mac"],
]);

/** They become keys of the datastore. A UID is one too: kubelets give a hash to pods of their own files. */
const objectName = /^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$/;

type Variables = Readonly<Record<string, string>>;

export function parseCommand(variables: Variables): Command {
  const command = commands.find((known) => known === variables.CNI_COMMAND);
  if (!command) throw invalid(`CNI_COMMAND must be one of ${commands.join(", ")}`);
  return command;
}

export function parseEnvironment(variables: Variables, command: "ADD" | "DEL" | "CHECK"): Environment {
  const containerId = variables.CNI_CONTAINERID ?? "";
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId) || containerId.length > containerIdBytesMax)
    throw invalid(
      `CNI_CONTAINERID must begin with a letter or digit, hold only letters, digits, "_", "." and "-", ` +
        `and be no longer than ${containerIdBytesMax}`,
    );
  const interfaceName = variables.CNI_IFNAME ?? "";
  if (!isInterfaceName(interfaceName))
    throw invalid('CNI_IFNAME must be 1 to 15 bytes without "/", ":" and spaces, and neither "." nor ".."');
  const netns = variables.CNI_NETNS || null;
  if (command !== "DEL" && !netns)
    throw invalid(`CNI_NETNS is missing: ${command} needs the container's network namespace`);
  return { containerId, interfaceName, netns, args: parseArgs(variables.CNI_ARGS ?? "") };
}

/** What the kernel takes as a name (`dev_valid_name`), but for control characters, which would spoil logs and terminals. */
function isInterfaceName(name: string): boolean {
  const bytes = Buffer.byteLength(name);
  return bytes > 0 && bytes <= 15 && name !== "." && name !== ".." && !/[/:\s\p{Cc}]/u.test(name);
}

/** `K=V;K=V`, of one key the last. A key that nobody knows is an error unless `IgnoreUnknown` allows it. */
function parseArgs(text: string): CniArgs {
  const args: { -readonly [K in keyof CniArgs]: string } = {};
  let [unknown, ignoreUnknown]: [string | null, string] = [null, ""];
  for (const pair of text.split(";")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    if (equals < 1) throw invalid(`CNI_ARGS must be KEY=VALUE separated by ";", not ${JSON.stringify(pair)}`);
    const name = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    const field = argNames.get(name);
    if (name === "IgnoreUnknown") ignoreUnknown = value;
    else if (field === undefined) unknown ??= name;
    else if (field !== null && value === "") delete args[field];
    else if (field !== null) args[field] = value;
  }
  if (unknown !== null && !/^(1|t|true)$/i.test(ignoreUnknown))
    throw invalid(`CNI_ARGS has an unknown key: ${unknown}`);
  for (const { name, field } of kubernetesArgs) {
    const value = args[field];
    if (value !== undefined && !objectName.test(value))
      throw invalid(`CNI_ARGS: ${name} is no name of Kubernetes: ${JSON.stringify(value)}`);
  }
  return args;
}

const kubernetesArgs = [...argNames].flatMap(([name, field]) =>
  field && name.startsWith("K8S_") ? [{ name, field }] : [],
);

function invalid(message: string): CniError {
  return new CniError({ code: "INVALID_ENVIRONMENT", message });
}
