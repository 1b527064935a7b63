/** How an attempt begins, whichever phase it begins from. */
import type { Open } from "../wire/message.ts";
import type { SessionConfig } from "./config.ts";
import type { Past, SessionState, Step } from "./state.ts";

/**
 * RFC 4271 §8.2.2, OpenSent: how long to wait for the peer's OPEN, whose hold time is not known yet.
 */
export const openHoldSeconds = 240;

/** Dials, or where the peer shall dial, waits for it. */
export function beginAttempt(state: SessionState, config: SessionConfig): Step {
  const { past } = state;
  if (config.passive) return { state: { phase: "active", ...kept(past) }, actions: [] };
  return {
    state: { phase: "connect", ...kept(past) },
    actions: [{ type: "arm", timer: "connectRetry", seconds: config.connectRetrySeconds }, { type: "connect" }],
  };
}

/** The transport is up, whoever dialled. */
export function sendOpen({ past }: SessionState, config: SessionConfig): Step {
  const open: Open = {
    type: "open",
    asn: config.localAsn,
    holdSeconds: config.holdSeconds,
    bgpId: config.localBgpId,
    capabilities: past?.withoutCapabilities ? [] : config.capabilities,
  };
  return {
    state: { phase: "openSent", ...kept(past) },
    actions: [
      { type: "disarm", timer: "connectRetry" },
      { type: "send", message: open },
      { type: "arm", timer: "hold", seconds: openHoldSeconds },
    ],
  };
}

/** Waits for the peer to dial, and dials again itself when that takes long; a passive side does not. */
export function waitForPeer({ past }: SessionState, config: SessionConfig): Step {
  return {
    state: { phase: "active", ...kept(past) },
    actions: config.passive ? [] : [{ type: "arm", timer: "connectRetry", seconds: config.connectRetrySeconds }],
  };
}

/** For spreading into the next state: an absent past stays absent. */
export function kept(past: Past | undefined): { readonly past?: Past } {
  return past ? { past } : {};
}
