/** All sets that rules of this node refer to and that follow the cluster; each kind of them knows its own. */
import { formatSetElement, splitForSet } from "@brindle/net";
import { hasPorts, type SetUse } from "../render/setUse.ts";
import type { DesiredSet } from "./desired.ts";
import { EndpointSets } from "./endpointSets.ts";
import type { Members } from "./members.ts";
import { ServiceSets } from "./serviceSets.ts";

export class RuleSets {
  readonly endpoints: EndpointSets = new EndpointSets();
  readonly services: ServiceSets = new ServiceSets();

  /** Exactly these are kept from now on. */
  require(uses: ReadonlyMap<string, SetUse>): void {
    this.endpoints.require(uses);
    this.services.require(uses);
  }

  members(name: string): Members {
    return this.services.members(name) ?? this.endpoints.members(name);
  }
}

/** With the members that it has now. */
export function desiredSet({ name, family, content, growth, lookups }: SetUse, sets: RuleSets): DesiredSet {
  if (content.kind !== "nets") {
    const type = hasPorts(content) ? "hash:ip,port" : "hash:net";
    return { name, family, type, growth, lookups, members: sets.members(name) };
  }
  const elements = content.nets.flatMap(splitForSet);
  const members: Members = new Map(elements.map((element) => [formatSetElement(element), element]));
  return { name, family, type: "hash:net", growth, lookups, members };
}
