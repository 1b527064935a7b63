/** What the BGP speaker is to be, of all that an agent knows, and which peers cannot be since their passwords are missing. */
import { withCommunities } from "../graph/advertisedCommunities.ts";
import { originatedPrefixes, podCidrsOf, poolRanges } from "../graph/originated.ts";
import { secretNames } from "../graph/passwords.ts";
import { refusedConfiguration, type SpeakerState, speakerConfig, undialledPeers } from "../graph/speakerConfig.ts";
import { tearDown } from "../graph/tearDown.ts";
import type { Mistake } from "../node/mistakes.ts";
import type { ClusterSync } from "./clusterSync.ts";
import type { SecretSource } from "./secrets.ts";
import type { SpeakerWish } from "./speakerSync.ts";

export interface SpeakerWishParts {
  readonly cluster: ClusterSync;
  readonly secrets: SecretSource;
  readonly onPasswords: (mistakes: readonly Mistake[]) => void;
  /** Whether the node's pods have their addresses of its podCIDR. */
  readonly usesPodCidrs: boolean;
}

export function speakerWish(
  node: string,
  { cluster, secrets, onPasswords, usesPodCidrs }: SpeakerWishParts,
): SpeakerWish {
  const { state } = cluster;
  const refused = refusedConfiguration(node, cluster.problems());
  if (refused !== null) return { kind: "unclear", reason: { code: "BgpConfigurationRefused", text: refused } };
  const going = tearDown(state);
  if (going) return { kind: "unclear", reason: going.reason };
  const pools = state.all("IPPool");
  const [peers, configurations] = [state.all("BGPPeer"), state.all("BGPConfiguration")];
  const originated = originatedPrefixes({
    node,
    pools,
    affinities: state.all("BlockAffinity"),
    endpoints: state.all("WorkloadEndpoint"),
    podCidrs: usesPodCidrs ? podCidrsOf(state.all("Node").get(node)) : [],
  });
  const references = [
    ...[...peers.values()].map(({ spec }) => spec.password),
    configurations.get("default")?.spec.nodeMeshPassword,
  ];
  secrets.want(secretNames(references));
  const wanted: SpeakerState = {
    node,
    nodes: state.all("Node"),
    peers,
    filters: state.all("BGPFilter"),
    configurations,
    secrets: (name) => secrets.state(name),
    ranges: poolRanges(pools),
    originated,
  };
  const config = speakerConfig(wanted);
  if (config === null) return { kind: "unclear", reason: "this node has no address in its Node resource" };
  const undialled = undialledPeers(wanted);
  const missing = undialled.filter(({ isWaiting }) => !isWaiting);
  const text = missing.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  onPasswords(missing.length > 0 ? [{ code: "BgpPasswordMissing", text }] : []);
  const announced = withCommunities(originated, node, configurations);
  return { kind: "clear", config, originated: announced, isWhole: undialled.length === missing.length };
}
