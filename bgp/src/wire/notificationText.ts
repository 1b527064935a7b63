/**
 * What a NOTIFICATION says to a person: the names of the IANA registry, the peer's shutdown text, and where the usual
 * cause is known, a hint at it.
 */
import { cease, errorCode, openError } from "./fault.ts";
import type { Notification } from "./message.ts";
import { shutdownText } from "./notification.ts";
import { WireReader } from "./reader.ts";

interface Meaning {
  readonly name: string;
  readonly hint?: string;
}

interface CodeMeaning extends Meaning {
  readonly subcodes: Readonly<Record<number, Meaning>>;
}

/** RFC 4271 §4.5, RFC 4486, RFC 5492, RFC 6608, RFC 7313, RFC 8538, RFC 9234, RFC 9384, RFC 9687. */
const meanings: Readonly<Record<number, CodeMeaning>> = {
  1: {
    name: "Message Header Error",
    subcodes: {
      1: { name: "Connection Not Synchronized", hint: "something else than BGP speaks on that port" },
      2: { name: "Bad Message Length" },
      3: { name: "Bad Message Type" },
    },
  },
  2: {
    name: "OPEN Message Error",
    subcodes: {
      1: { name: "Unsupported Version Number" },
      2: { name: "Bad Peer AS", hint: "the AS number configured on one side is not the one that the other side has" },
      3: { name: "Bad BGP Identifier", hint: "both sides have the same BGP identifier, or one is zero" },
      4: { name: "Unsupported Optional Parameter", hint: "an old speaker: the next attempt offers no capabilities" },
      6: { name: "Unacceptable Hold Time", hint: "the peer wants a longer hold time than ours" },
      7: { name: "Unsupported Capability", hint: "the two sides have no address family in common" },
      8: { name: "Grouping Conflict" },
      11: { name: "Role Mismatch" },
    },
  },
  3: {
    name: "UPDATE Message Error",
    subcodes: {
      1: { name: "Malformed Attribute List" },
      2: { name: "Unrecognized Well-known Attribute" },
      3: { name: "Missing Well-known Attribute" },
      4: { name: "Attribute Flags Error" },
      5: { name: "Attribute Length Error" },
      6: { name: "Invalid ORIGIN Attribute" },
      8: { name: "Invalid NEXT_HOP Attribute" },
      9: { name: "Optional Attribute Error" },
      10: { name: "Invalid Network Field" },
      11: { name: "Malformed AS_PATH" },
    },
  },
  4: {
    name: "Hold Timer Expired",
    hint: "nothing was heard for the hold time: a broken path, too large an MTU, or a busy peer",
    subcodes: {},
  },
  5: {
    name: "Finite State Machine Error",
    subcodes: {
      1: { name: "Unexpected Message in OpenSent" },
      2: { name: "Unexpected Message in OpenConfirm" },
      3: { name: "Unexpected Message in Established" },
    },
  },
  6: {
    name: "Cease",
    subcodes: {
      1: { name: "Maximum Number of Prefixes Reached", hint: "more prefixes were announced than the limit allows" },
      2: { name: "Administrative Shutdown" },
      3: { name: "Peer De-configured", hint: "the other side removed this neighbour from its configuration" },
      4: { name: "Administrative Reset" },
      5: { name: "Connection Rejected", hint: "the other side has no neighbour configured with this source address" },
      6: { name: "Other Configuration Change" },
      7: { name: "Connection Collision Resolution", hint: "both sides dialled at once, which settles by itself" },
      8: { name: "Out of Resources" },
      9: { name: "Hard Reset" },
      10: { name: "BFD Down", hint: "BFD found the path broken" },
    },
  },
  7: { name: "ROUTE-REFRESH Message Error", subcodes: { 1: { name: "Invalid Message Length" } } },
  8: { name: "Send Hold Timer Expired", hint: "the peer stopped reading what it was sent", subcodes: {} },
};

/** One line: `Cease/Administrative Shutdown: "maintenance"`, `OPEN Message Error/Bad Peer AS (the AS number …)`. */
export function describeNotification(code: number, subcode: number, data: Uint8Array = new Uint8Array(0)): string {
  const meaning = meanings[code];
  if (!meaning) return `error code ${code}, subcode ${subcode}`;
  const detail = meaning.subcodes[subcode];
  const name = detail ? `${meaning.name}/${detail.name}` : withSubcode(meaning.name, subcode);
  const text = describeData({ code, subcode, data });
  const hint = (detail ?? meaning).hint;
  const [innerCode = 0, innerSubcode = 0] = data;
  if (code === errorCode.cease && subcode === cease.hardReset && data.length >= 2 && innerSubcode !== cease.hardReset) {
    return `${name} for ${describeNotification(innerCode, innerSubcode, data.subarray(2))}`; // RFC 8538 §3.1
  }
  return `${name}${text ? `: ${text}` : ""}${hint ? ` (${hint})` : ""}`;
}

function withSubcode(name: string, subcode: number): string {
  return subcode === 0 ? name : `${name}/subcode ${subcode}`;
}

/** What the data tells, as far as its form is specified; quoted, since the peer chose the words. */
function describeData(notification: Omit<Notification, "type">): string | null {
  const text = shutdownText(notification);
  if (text !== null) return JSON.stringify(text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd")); // No terminal control.
  const { code, subcode, data } = notification;
  const isVersion = code === errorCode.open && subcode === openError.unsupportedVersion && data.length === 2;
  return isVersion ? `it speaks version ${new WireReader(data).u16()}` : null;
}
