/** Options that several commands have. */
import { InvalidArgumentError, Option } from "commander";

export function filenameOption(): Option {
  const description = "a manifest, a folder of them, or - for standard input; may be given several times";
  return new Option("-f, --filename <path>", description).argParser(collected);
}

/** Beside `-f`, where that means something else. */
export function clusterOption(): Option {
  const description = "manifests in place of the datastore; may be given several times";
  return new Option("--cluster <path>", description).argParser(collected);
}

function collected(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path];
}

export function recursiveOption(): Option {
  return new Option("-R, --recursive", "take the folders below a folder, too");
}

export const namespaceDefault = "default";

export function namespaceOption(): Option {
  return new Option("-n, --namespace <name>", "for what belongs to a namespace and names none").default(
    namespaceDefault,
  );
}

export function nodeOption(): Option {
  return new Option("--node <name>", "fail unless it is this node whose agent answers");
}

/** Calico's client takes both cases; a declared option has one short form. */
export function lowerCaseAllNamespacesOption(): Option {
  return new Option("-a").implies({ allNamespaces: true }).hideHelp();
}

export function limitOption(): Option {
  return new Option("--limit <count>", "at most so many").default(1_000).argParser(parseCount);
}

/** An agent gives no more at once. */
const limitMax = 10_000;

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= limitMax) return count;
  throw new InvalidArgumentError(`It is no number from 1 to ${limitMax}.`);
}
