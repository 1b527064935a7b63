import { nearest } from "@brindle/api";
import type { PeerSummary, SpeakerSummary } from "@brindle/bgp";
import { failed } from "../error.ts";
import type { Ports } from "../ports.ts";

/** What is known of them. Of a peer that does not exist the speaker knows nothing, which would read like an answer. */
export async function expectPeers(
  names: readonly (string | undefined)[],
  ports: Ports,
): Promise<readonly PeerSummary[]> {
  const asked = names.filter((name) => name !== undefined && name !== "local");
  if (asked.length === 0) return [];
  const { peers } = (await ports.callAgent("bgp.summary", {})) as SpeakerSummary;
  const known = peers.map(({ name }) => name);
  for (const name of asked) {
    if (name === undefined || known.includes(name)) continue;
    const meant = nearest(name, known);
    const others =
      known.length > 10 ? `${known.slice(0, 10).join(", ")} and ${known.length - 10} more` : known.join(", ");
    throw failed(`there is no peer "${name}"${meant ? `; did you mean ${meant}?` : `; there are ${others || "none"}`}`);
  }
  return peers.filter(({ name }) => asked.includes(name));
}
