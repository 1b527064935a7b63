/** UPDATEs out of a recording in MRT (RFC 6396 §4.4): messages of a session, with or without microseconds. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const bgp4mp = 16;
const bgp4mpEt = 17;
/** BGP4MP_MESSAGE and BGP4MP_MESSAGE_AS4. */
const message = 1;
const messageAs4 = 4;

export interface Recording {
  readonly updates: readonly Buffer[];
  /** Whether AS numbers have four octets in it. */
  readonly fourOctetAs: boolean;
}

export function readMrt(path: string): Recording {
  const bytes = gunzipSync(readFileSync(path));
  const updates: Buffer[] = [];
  let fourOctetAs = false;
  for (let at = 0; at + 12 <= bytes.length; ) {
    const [type, subtype] = [bytes.readUInt16BE(at + 4), bytes.readUInt16BE(at + 6)];
    const end = at + 12 + bytes.readUInt32BE(at + 8);
    const start = at + 12 + (type === bgp4mpEt ? 4 : 0);
    if ((type === bgp4mp || type === bgp4mpEt) && (subtype === message || subtype === messageAs4)) {
      fourOctetAs = subtype === messageAs4;
      const family = bytes.readUInt16BE(start + (fourOctetAs ? 10 : 6));
      const update = bytes.subarray(start + (fourOctetAs ? 12 : 8) + (family === 1 ? 8 : 32), end);
      if (update[18] === 2) updates.push(update);
    }
    at = end;
  }
  return { updates, fourOctetAs };
}
