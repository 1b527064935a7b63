import { fileURLToPath } from "node:url";
import { type CommandOptions, type Outcome, run } from "../fixtures/command.ts";

export const launcher: string = fileURLToPath(new URL("../../../cli/bin/brindlectl.js", import.meta.url));

/** Nothing of the caller's own settings: a test says where its datastore is. */
const environment = { ETCD_ENDPOINTS: "", ETCD_USERNAME: "", ETCD_PASSWORD: "", DATASTORE_TYPE: "" };

/** Runs `brindlectl` from the sources, as `npm run brindlectl` does. */
export function brindlectl(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return run(process.execPath, [launcher, ...args], { ...options, env: { ...environment, ...options.env } });
}

export function pool(name: string, cidr: string): string {
  return `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: ${name}}\nspec: {cidr: ${cidr}}\n`;
}
