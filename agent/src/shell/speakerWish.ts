/** What the BGP speaker is to be, of all that an agent knows, and which peers cannot be since their passwords are missing. */
import { withCommunities } from "../graph/advertisedCommunities.ts";
import { originatedPrefixes, originStateOf, poolRanges } from "../graph/originated.ts";
import { secretNames } from "../graph/passwords.ts";
import { refusedConfiguration, type SpeakerState, speakerPlan, undialledPeers } from "../graph/speakerConfig.ts";
import { tearDown } from "../graph/tearDown.ts";
import type { Mistake } from "../node/mistakes.ts";
import type { ClusterSync } from "./clusterSync.ts";
import type { DefaultGateways } from "./defaultGateways.ts";
import type { SecretSource } from "./secrets.ts";
import type { SpeakerWish } from "./speakerSync.ts";

export interface SpeakerWishParts {
  readonly cluster: ClusterSync;
  readonly secrets: SecretSource;
  readonly gateways: DefaultGateways;
  readonly onPasswords: (mistakes: readonly Mistake[]) => void;
  /** The routes to peers that are asked for: hosts' prefixes, each with its gateway. */
  readonly onPeerRoutes: (routes: ReadonlyMap<string, readonly string[]>) => void;
  /** Whether the node's pods have their addresses of its podCIDR. */
  readonly usesPodCidrs: boolean;
}

export function speakerWish(
  node: string,
  { cluster, secrets, gateways, onPasswords, onPeerRoutes, usesPodCidrs }: SpeakerWishParts,
): SpeakerWish {
  const { state } = cluster;
  const refused = refusedConfiguration(node, cluster.problems());
  if (refused !== null) return { kind: "unclear", reason: { code: "BgpConfigurationRefused", text: refused } };
  const going = tearDown(state);
  if (going) return { kind: "unclear", reason: going.reason };
  const pools = state.all("IPPool");
  const [peers, configurations] = [state.all("BGPPeer"), state.all("BGPConfiguration")];
  const fabricPeers = state.all("FabricPeer");
  // Only where they are asked for are the node's routes read.
  const asksGateway = [...fabricPeers.values()].some(({ spec }) => spec.defaultGateway !== undefined);
  const known = asksGateway ? gateways.get() : {};
  const originated = originatedPrefixes(originStateOf({ node, usesPodCidrs }, state));
  const references = [
    ...[...peers.values(), ...fabricPeers.values()].map(({ spec }) => spec.password),
    configurations.get("default")?.spec.nodeMeshPassword,
  ];
  secrets.want(secretNames(references));
  const wanted: SpeakerState = {
    node,
    nodes: state.all("Node"),
    peers,
    fabricPeers,
    gateways: known ?? {},
    filters: state.all("BGPFilter"),
    configurations,
    secrets: (name) => secrets.state(name),
    ranges: poolRanges(pools),
    originated,
  };
  const plan = speakerPlan(wanted);
  if (plan === null) return { kind: "unclear", reason: "this node has no address in its Node resource" };
  onPeerRoutes(plan.routes);
  const undialled = undialledPeers(wanted);
  const missing = undialled.filter(({ isWaiting }) => !isWaiting);
  const text = missing.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  onPasswords(missing.length > 0 ? [{ code: "BgpPasswordMissing", text }] : []);
  const announced = withCommunities(originated, node, configurations);
  const isWhole = undialled.length === missing.length && known !== null;
  return { kind: "clear", config: plan.config, originated: announced, isWhole };
}
