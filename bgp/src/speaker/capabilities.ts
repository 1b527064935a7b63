/** What our OPEN offers. */
import { offeredCapabilities } from "../session/config.ts";
import type { Capability } from "../wire/message.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";

/** `restarting`: this process has taken over from one that died, and has not caught up yet. */
export function ownCapabilities(
  { asn, gracefulRestart }: Pick<SpeakerConfig, "asn" | "gracefulRestart">,
  { families }: Pick<PeerConfig, "families">,
  { restarting }: { readonly restarting: boolean },
): Capability[] {
  const capabilities = offeredCapabilities({ localAsn: asn, families });
  if (gracefulRestart) {
    const { restartSeconds, forwardingKept } = gracefulRestart;
    const restart = { restarting, restartSeconds, families: families.map((family) => ({ family, forwardingKept })) };
    capabilities.push({ code: 64, name: "gracefulRestart", restart });
  }
  return capabilities;
}
