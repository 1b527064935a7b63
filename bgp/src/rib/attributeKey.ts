/**
 * One string per distinct attribute set: the canonical form under which sets are interned. Two sets have one key
 * exactly when they would be written to the wire as the same bytes.
 */
import type { PathAttributes } from "../wire/message.ts";

export function attributeKey(attributes: PathAttributes): string {
  let key: string = attributes.origin;
  for (const { type, asns } of attributes.asPath) key += `|${type}:${asns.join(" ")}`;
  const { med, localPref, aggregator, communities, originatorId } = attributes;
  if (med !== undefined) key += `;med${med}`;
  if (localPref !== undefined) key += `;pref${localPref}`;
  if (attributes.atomicAggregate) key += ";atomic";
  if (aggregator) key += `;agg${aggregator.asn}/${aggregator.address}`;
  if (communities) key += `;com${communities.join(" ")}`;
  if (originatorId !== undefined) key += `;orig${originatorId}`;
  if (attributes.clusterList) key += `;clus${attributes.clusterList.join(" ")}`;
  if (attributes.extendedCommunities) key += `;ext${attributes.extendedCommunities.join(" ")}`;
  if (attributes.largeCommunities) key += `;large${attributes.largeCommunities.join(" ")}`;
  for (const { code, flags, value } of attributes.unknown ?? []) key += `;${code}.${flags}=${value.join(".")}`;
  return key;
}
