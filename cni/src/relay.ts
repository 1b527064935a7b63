/**
 * What the executable and the agent say to each other, once each way: a frame of four letters of magic, the length of
 * its body in four bytes (big-endian, as all numbers here), and the body. The body of a request is fields, each a
 * name and a value with its length before it; that of an answer is the exit code in four bytes and what to print.
 * Kept requests (`shell/pendingDels.ts`) are the same bytes. C writes this without a JSON library.
 */

/** The limit of the executable, too (`FRAME_MAX` in shim/brindle.c). */
export const frameBytesMax = 1_048_576;
export const headerBytes = 8;

const requestMagic = "BRQ1";
const answerMagic = "BRA1";

export interface RelayedRequest {
  /** The variables `CNI_*` of the executable's environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** The configuration as the runtime wrote it; empty for VERSION, whose stdin is not read. */
  readonly stdin: string;
}

export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
}

export type FrameState =
  | { readonly kind: "incomplete" }
  | { readonly kind: "complete" }
  | { readonly kind: "malformed"; readonly reason: string };

/** Whether these bytes, the first of a connection, are a whole request. Refuses as early as it can tell. */
export function requestState(bytes: Uint8Array): FrameState {
  if (bytes.length < headerBytes) return { kind: "incomplete" };
  if (ascii(bytes, 0, 4) !== requestMagic) return { kind: "malformed", reason: "it does not begin as a request" };
  const length = headerBytes + u32(bytes, 4);
  if (length > frameBytesMax) return { kind: "malformed", reason: `it is longer than ${frameBytesMax} bytes` };
  if (bytes.length > length) return { kind: "malformed", reason: "something follows the request" };
  return bytes.length === length ? { kind: "complete" } : { kind: "incomplete" };
}

/** The request of a complete frame, or `null` when its fields do not add up or a text is not UTF-8. */
export function decodeRequest(frame: Uint8Array): RelayedRequest | null {
  if (requestState(frame).kind !== "complete") return null;
  const variables: Record<string, string> = {};
  let stdin = "";
  for (let at = headerBytes; at < frame.length; ) {
    const name = readText(frame, at);
    const value = name && readText(frame, name.end);
    if (!value) return null;
    if (name.text === "stdin") stdin = value.text;
    else if (name.text.startsWith("CNI_")) variables[name.text] = value.text;
    else return null;
    at = value.end;
  }
  return { variables, stdin };
}

export function encodeRequest(request: RelayedRequest): Uint8Array {
  const fields = [...Object.entries(request.variables), ["stdin", request.stdin] as const];
  return frameOf(requestMagic, Buffer.concat(fields.flatMap(([name, value]) => [sized(name), sized(value)])));
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return frameOf(answerMagic, Buffer.concat([u32Bytes(answer.exitCode), Buffer.from(answer.stdout)]));
}

/** To make one costs more than all that it reads. It keeps nothing of a text that it refused. */
const strictText = new TextDecoder("utf-8", { fatal: true });

function readText(bytes: Uint8Array, at: number): { readonly text: string; readonly end: number } | null {
  if (at + 4 > bytes.length) return null;
  const end = at + 4 + u32(bytes, at);
  if (end > bytes.length) return null;
  try {
    return { text: strictText.decode(bytes.subarray(at + 4, end)), end };
  } catch {
    return null;
  }
}

function frameOf(magic: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(magic), u32Bytes(body.length), body]);
}

function sized(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([u32Bytes(bytes.length), bytes]);
}

function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function u32(bytes: Uint8Array, at: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(at);
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
