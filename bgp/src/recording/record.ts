/**
 * A run of a speaker as JSON lines: each event with its time, and what the speaker did. Since `handle` is a function of
 * these alone, a recording of a daemon is played again in a test, where it fails as it failed. Passwords are no part of it.
 */
import type { PeerStatus } from "../control.ts";
import type { SpeakerAction, SpeakerEvent } from "../speaker/event.ts";
import { Speaker } from "../speaker/speaker.ts";

/** The first line: what comes after is of this form. */
export const recordingHeader: string = '{"brindleBgpRecording":1}';

/** The first line of one that begins while the speaker runs, with its peers as they are then. It cannot be played. */
export function midwayHeader(peers: readonly PeerStatus[]): string {
  return JSON.stringify({ brindleBgpRecording: 1, midway: { peers } });
}

export interface Recorded {
  readonly nowMs: number;
  readonly event: SpeakerEvent;
  readonly actions: readonly SpeakerAction[];
}

export function recordLine({ nowMs, event, actions }: Recorded): string {
  return JSON.stringify({ nowMs, event: plain(withoutSecrets(event)), actions: plain(actions) });
}

/** What a speaker of today does otherwise than the recorded one did: the first such line, counted from 1. */
export interface Difference {
  readonly line: number;
  readonly event: string;
  readonly recorded: string;
  readonly played: string;
}

/** `null` where it does all the same. Throws for what is no recording. */
export function replay(lines: Iterable<string>): Difference | null {
  const speaker = new Speaker();
  let line = 0;
  for (const text of lines) {
    line += 1;
    if (line === 1) {
      if (text.startsWith('{"brindleBgpRecording":1,"midway"')) {
        throw new TypeError("this recording begins midway: it can be read, but not played");
      }
      if (text !== recordingHeader) throw new TypeError("this is no recording of a speaker");
      continue;
    }
    if (text === "") continue; // The end of the file.
    const { nowMs, event, actions } = JSON.parse(text) as { nowMs: number; event: unknown; actions: unknown };
    const played = JSON.stringify(plain(speaker.handle(lively(event) as SpeakerEvent, nowMs)));
    const recorded = JSON.stringify(actions);
    if (played !== recorded) return { line, event: JSON.stringify(event), recorded, played };
  }
  return null;
}

/** What stands in place of a password: a speaker without one would do otherwise. */
const secret = "(a secret)";

function withoutSecrets(event: SpeakerEvent): SpeakerEvent {
  if (event.type !== "configure") return event;
  const hide = <T extends { readonly password?: string }>(peer: T): T =>
    peer.password === undefined ? peer : { ...peer, password: secret };
  const { config } = event;
  return {
    ...event,
    config: {
      ...config,
      peers: config.peers.map(hide),
      ...(config.dynamicPeers && {
        dynamicPeers: config.dynamicPeers.map((range) => ({ ...range, template: hide(range.template) })),
      }),
    },
  };
}

/** Typed arrays as hexadecimal digits and as numbers; all else is JSON already. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: value.toHex() };
  if (value instanceof Uint32Array) return { $words: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, plain(member)]])),
  );
}

function lively(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lively);
  if (typeof value !== "object" || value === null) return value;
  const { $bytes, $words } = value as { readonly $bytes?: unknown; readonly $words?: unknown };
  if (typeof $bytes === "string") return Uint8Array.fromHex($bytes);
  if (Array.isArray($words)) return Uint32Array.from($words as number[]);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, lively(member)]));
}
