/** The init step of a node: what the network list names has to be in the runtime's folder before the list is. */
import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../error.ts";
import { installFile } from "./installFile.ts";

/** Ours, as a network list has it for `type`. */
const ownType = "brindle";

export interface CniInstallation {
  /** Our executable. */
  readonly executable: string;
  /** Where the runtime looks for executables. */
  readonly binDirectory: string;
  readonly networkList: string;
}

/** Rejects where the list names plugins of others that are not there: no pod of this node would start. */
export async function installCni({ executable, binDirectory, networkList }: CniInstallation): Promise<string> {
  const { plugins } = JSON.parse(await readFile(networkList, "utf8")) as { plugins: { type: string }[] };
  const target = join(binDirectory, ownType);
  const isNew = await installFile(executable, target, 0o755);
  const missing = await missingOf(
    plugins.map(({ type }) => type),
    binDirectory,
  );
  if (missing.length === 0) return `${target} ${isNew ? "installed" : "is there already"}`;
  const reason = `${binDirectory} of this node has no ${missing.join(", ")}, which the network list needs: install the reference plugins of CNI (package kubernetes-cni)`;
  throw new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}

/** Those of the plugins that are not there. */
async function missingOf(types: readonly string[], binDirectory: string): Promise<string[]> {
  const found = await Promise.all(types.map((type) => isExecutable(join(binDirectory, type))));
  return types.filter((_, index) => !found[index]);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
