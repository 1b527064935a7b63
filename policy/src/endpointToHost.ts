import type { FelixSettings } from "@brindle/api";
import type { EndpointToHostAction } from "./cluster.ts";

const actions: Readonly<Record<string, EndpointToHostAction>> = { drop: "Drop", accept: "Accept", return: "Return" };

/** What becomes of packets from pods to their node. What is asked for in no known word is dropped. */
export function endpointToHostAction({
  defaultEndpointToHostAction: asked = "Drop",
}: Pick<FelixSettings, "defaultEndpointToHostAction">): EndpointToHostAction {
  return actions[asked.toLowerCase()] ?? "Drop";
}
