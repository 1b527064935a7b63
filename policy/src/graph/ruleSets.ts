/** All sets that rules of this node refer to and that follow the cluster; each kind of them knows its own. */
import type { SetUse } from "../render/setUse.ts";
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
