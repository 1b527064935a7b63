/**
 * The network list on a node that has not all of the reference plugins. Some distributions bring a few alone: a node of theirs goes
 * without what only pods need that ask for it, and these are then refused in words.
 */

/** Of those that our list names; without the others no pod works as it should. */
export const optionalPlugins: readonly string[] = ["bandwidth"];

/** The same bytes where nothing is left out. */
export function listWithout(text: string, missing: readonly string[]): string {
  const list = JSON.parse(text) as { readonly plugins?: readonly { readonly type?: string }[] };
  const plugins = (list.plugins ?? []).filter(({ type }) => type === undefined || !missing.includes(type));
  if (plugins.length === (list.plugins ?? []).length) return text;
  return `${JSON.stringify({ ...list, plugins }, null, 2)}\n`;
}
