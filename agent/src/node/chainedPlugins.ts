/** What a container runtime does for a pod beside our plugin, as its network lists say. */

export interface NetworkListFile {
  readonly name: string;
  readonly text: string;
}

const ourTypes: readonly unknown[] = ["brindle", "calico"];

/**
 * Whether a plugin behind ours in the list of that network takes the capability, which is how a runtime hands on what a pod is to get.
 * Of two lists a runtime takes the first by name. `null` where none of ours has that name.
 */
export function takesCapability(
  files: readonly NetworkListFile[],
  { network, capability }: { readonly network: string; readonly capability: string },
): boolean | null {
  const lists = files.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ text }) => parsed(text));
  const plugins = lists.filter(({ name }) => name === network).map(pluginsOf);
  const own = plugins.find((each) => each.some(({ type }) => ourTypes.includes(type)));
  return own
    ? own.some(({ type, capabilities }) => !ourTypes.includes(type) && membersOf(capabilities)[capability] === true)
    : null;
}

type Members = Readonly<Record<string, unknown>>;

/** What is no JSON object has no name, and so is nobody's list. */
function parsed(text: string): Members {
  try {
    return membersOf(JSON.parse(text));
  } catch {
    return {};
  }
}

/** A file may hold one plugin in place of a list. */
function pluginsOf(list: Members): Members[] {
  return Array.isArray(list.plugins) ? list.plugins.map(membersOf) : [list];
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}
