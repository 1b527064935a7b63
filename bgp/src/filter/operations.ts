/** What the operations of a rule make of a route's attributes. */
import type { AsPathSegment, PathAttributes } from "../wire/message.ts";
import { type Community, carries, communityLists, parseCommunity, parseCommunityPattern } from "./community.ts";
import { type FilterOperation, priorityMax } from "./rule.ts";

export type Transform = (attributes: PathAttributes) => PathAttributes;

/** `null` where nothing changes the attributes. The operations are valid: `checkFilters` has seen them. */
export function transformOf(operations: readonly FilterOperation[]): Transform | null {
  const transforms = operations.flatMap((operation) => transformOfOne(operation) ?? []);
  if (transforms.length === 0) return null;
  return (attributes) => transforms.reduce((value, transform) => transform(value), attributes);
}

function transformOfOne(operation: FilterOperation): Transform | null {
  const { addCommunity, prependASPath, setPriority, removeCommunity, setCommunities } = operation;
  const { setMED, setLocalPreference } = operation;
  if (addCommunity) return adding(parseCommunity(addCommunity.value));
  if (removeCommunity) return removing(removeCommunity.value);
  if (setCommunities) return setting(setCommunities.values);
  if (prependASPath) return ({ asPath, ...rest }) => ({ ...rest, asPath: prepended(asPath, prependASPath.prefix) });
  if (setPriority) return (attributes) => ({ ...attributes, localPref: priorityMax - setPriority.value });
  if (setLocalPreference) return (attributes) => ({ ...attributes, localPref: setLocalPreference.value });
  if (setMED) return (attributes) => ({ ...attributes, med: setMED.value });
  return null;
}

function adding(added: Community | null): Transform | null {
  if (!added) return null;
  return (attributes) => {
    if (carries(attributes, added)) return attributes;
    const { communities = [], largeCommunities = [] } = attributes;
    if (added.kind === "standard") return { ...attributes, communities: [...communities, added.value] };
    return { ...attributes, largeCommunities: [...largeCommunities, added.value] };
  };
}

function removing(text: string): Transform | null {
  const pattern = parseCommunityPattern(text);
  if (!pattern) return null;
  return ({ communities, largeCommunities, ...rest }) => {
    const standard = communities?.filter((each) => !pattern.matchesStandard(each)) ?? [];
    const large = largeCommunities?.filter((each) => !pattern.matchesLarge(each)) ?? [];
    return {
      ...rest,
      ...(standard.length > 0 && { communities: standard }),
      ...(large.length > 0 && { largeCommunities: large }),
    };
  };
}

function setting(values: readonly string[]): Transform {
  const lists = communityLists(values.flatMap((value) => parseCommunity(value) ?? []));
  return ({ communities: _, largeCommunities: __, ...rest }) => ({ ...rest, ...lists });
}

/** RFC 4271 §4.3: a segment counts its ASes in one byte. */
const segmentAsnsMax = 255;

export function prepended(path: readonly AsPathSegment[], asns: readonly number[]): readonly AsPathSegment[] {
  const [first, ...rest] = path;
  if (first?.type !== "sequence" || first.asns.length + asns.length > segmentAsnsMax) {
    return [{ type: "sequence", asns }, ...path];
  }
  return [{ type: "sequence", asns: [...asns, ...first.asns] }, ...rest];
}
