import { selectorOf } from "../../selector/selector.ts";
import type { FelixConfiguration, FelixSettings } from "../felixConfiguration.ts";

export interface ConfiguredNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What holds on a node, setting by setting: its own configuration comes before those whose selector takes the node, of
 * which the first by name wins, and those before `default`. Empty text counts as left out.
 */
export function felixSettings(
  { name, labels }: ConfiguredNode,
  configurations: ReadonlyMap<string, FelixConfiguration>,
): FelixSettings {
  const selecting = [...configurations.values()]
    .filter(({ spec }) => spec.nodeSelector && selectorOf(spec.nodeSelector).matches(labels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const weakestFirst = [configurations.get("default"), ...selecting.reverse(), configurations.get(`node.${name}`)];
  return Object.assign({}, ...weakestFirst.map(givenSettings));
}

function givenSettings(configuration: FelixConfiguration | undefined): FelixSettings {
  const { nodeSelector: _, ...settings } = configuration?.spec ?? {};
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ""));
}
