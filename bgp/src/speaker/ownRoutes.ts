/** Prefixes of our own, gathered by what is to be told with them. */
import { BgpError } from "../error.ts";
import { communityLists, parseCommunity } from "../filter/community.ts";
import { packTexts } from "../rib/packed.ts";
import type { PackedPrefixes, PathAttributes } from "../wire/message.ts";
import type { OwnRoute } from "./event.ts";

export interface OwnGroup {
  readonly attributes: PathAttributes;
  readonly prefixes: Readonly<Record<4 | 6, PackedPrefixes>>;
}

const bare: PathAttributes = { origin: "igp", asPath: [] };

/** Throws a `BgpError` for what is no prefix or no community; nothing has changed then. */
export function ownGroups(routes: readonly (string | OwnRoute)[]): OwnGroup[] {
  const plain: string[] = [];
  const byContent = new Map<string, { readonly route: OwnRoute; readonly prefixes: string[] }>();
  for (const route of routes) {
    if (typeof route === "string") {
      plain.push(route);
      continue;
    }
    const { prefix, ...content } = route;
    const key = JSON.stringify(content);
    const group = byContent.get(key) ?? { route, prefixes: [] };
    group.prefixes.push(prefix);
    byContent.set(key, group);
  }
  const groups = [...byContent.values()].map(({ route, prefixes }) => groupOf(attributesOf(route), prefixes));
  return [groupOf(bare, plain), ...groups];
}

function groupOf(attributes: PathAttributes, texts: readonly string[]): OwnGroup {
  const prefixes = packTexts(texts);
  if (typeof prefixes === "string") throw invalid(`${prefixes} is not a prefix`);
  return { attributes, prefixes };
}

function attributesOf({ prefix, communities = [], med, localPref }: OwnRoute): PathAttributes {
  const parsed = communities.map((text) => {
    const community = parseCommunity(text);
    if (!community) throw invalid(`${text} of ${prefix} is not a community`);
    return community;
  });
  return {
    ...bare,
    ...(med !== undefined && { med }),
    ...(localPref !== undefined && { localPref }),
    ...communityLists(parsed),
  };
}

function invalid(reason: string): BgpError {
  return new BgpError({ code: "CONFIG_INVALID", field: "originate", reason });
}
