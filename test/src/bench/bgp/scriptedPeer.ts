/**
 * The least that passes for a BGP peer: it dials, says OPEN and KEEPALIVE, sends bytes that somebody made beforehand, and
 * keeps what it hears with the time of arrival, to be decoded when nobody is waiting. Reading costs it next to nothing.
 */
import { createConnection, type Socket } from "node:net";

export interface ScriptedPeerSpec {
  readonly name: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly asn: number;
  readonly holdSeconds: number;
  readonly families?: readonly (4 | 6)[];
  readonly twoOctetAs?: boolean;
}

interface Chunk {
  readonly atMs: number;
  readonly bytes: Buffer;
}

export interface Heard {
  readonly updates: number;
  readonly announced: number;
  readonly withdrawn: number;
  readonly bytes: number;
  /** When the last byte of an UPDATE came, on the clock of `nowMs`; 0 where none came. */
  readonly lastAtMs: number;
}

/** The monotonic clock, which all processes of one machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const keepalive = Buffer.from(`${"ff".repeat(16)}001304`, "hex");

export class ScriptedPeer {
  readonly spec: ScriptedPeerSpec;
  /** When each KEEPALIVE arrived, as far as it came in a chunk of its own. */
  readonly keepalivesAtMs: number[] = [];
  #socket: Socket | null = null;
  #chunks: Chunk[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isUp = false;
  #closed = false;

  constructor(spec: ScriptedPeerSpec) {
    this.spec = spec;
  }

  get isUp(): boolean {
    return this.#isUp && !this.#closed;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Resolves when the session is up; rejects when the transport ends before. */
  open(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { remoteAddress, localAddress, name } = this.spec;
    this.#closed = false;
    const socket = createConnection({ host: remoteAddress, port: 179, localAddress, noDelay: true });
    this.#socket = socket;
    let head: Buffer = Buffer.alloc(0);
    const onHead = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      while (head.length >= 19 && head.length >= head.readUInt16BE(16)) {
        const length = head.readUInt16BE(16);
        const type = head[18];
        head = head.subarray(length);
        if (type === 1) socket.write(keepalive);
        if (type === 3) reject(new Error(`${name} was refused`));
        if (type !== 4) continue;
        socket.off("data", onHead);
        socket.on("data", (chunk: Buffer) => this.#keep(chunk));
        this.#isUp = true;
        this.#timer = setInterval(() => socket.write(keepalive), (this.spec.holdSeconds * 1000) / 3);
        if (head.length > 0) this.#keep(head);
        resolve();
        return;
      }
    };
    socket.on("connect", () => socket.write(openMessage(this.spec)));
    socket.on("data", onHead);
    socket.on("error", reject);
    socket.on("close", () => {
      this.#closed = true;
      this.#isUp = false;
      if (this.#timer) clearInterval(this.#timer);
      reject(new Error(`${name}: the connection ended`));
    });
    return promise;
  }

  /** Gives the time at which the first byte was handed to the kernel. */
  send(bytes: Buffer): number {
    const startMs = nowMs();
    this.#socket?.write(bytes);
    return startMs;
  }

  close(): void {
    this.#socket?.destroy();
  }

  forget(): void {
    this.#chunks = [];
    this.keepalivesAtMs.length = 0;
  }

  lastChunkAtMs(): number {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i];
      if (chunk && chunk.bytes.length !== keepalive.length) return chunk.atMs;
    }
    return 0;
  }

  stream(): Buffer {
    return Buffer.concat(this.#chunks.map(({ bytes }) => bytes));
  }

  /** Decodes what was kept. */
  heard(): Heard {
    const bytes = this.stream();
    let [updates, announced, withdrawn, at, lastEnd] = [0, 0, 0, 0, 0];
    while (at + 19 <= bytes.length) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes[at + 18] === 2 && length > 23) {
        const withdrawnLength = bytes.readUInt16BE(at + 19);
        const attributesLength = bytes.readUInt16BE(at + 21 + withdrawnLength);
        withdrawn += countPrefixes(bytes, at + 21, at + 21 + withdrawnLength);
        announced += countPrefixes(bytes, at + 23 + withdrawnLength + attributesLength, at + length);
        updates += 1;
        lastEnd = at + length;
      }
      at += length;
    }
    return { updates, announced, withdrawn, bytes: lastEnd, lastAtMs: this.#arrivalOf(lastEnd) };
  }

  #arrivalOf(end: number): number {
    let seen = 0;
    for (const { atMs, bytes } of this.#chunks) {
      seen += bytes.length;
      if (seen >= end) return end === 0 ? 0 : atMs;
    }
    return 0;
  }

  #keep(bytes: Buffer): void {
    const atMs = nowMs();
    if (bytes.length === keepalive.length && bytes[18] === 4) this.keepalivesAtMs.push(atMs);
    this.#chunks.push({ atMs, bytes });
  }
}

function countPrefixes(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; count++) at += 1 + (((bytes[at] ?? 0) + 7) >>> 3);
  return count;
}

function openMessage({ asn, holdSeconds, localAddress, families = [4], twoOctetAs = false }: ScriptedPeerSpec): Buffer {
  const capabilities = families.map((family) => Buffer.of(1, 4, 0, family === 4 ? 1 : 2, 0, 1));
  if (!twoOctetAs) capabilities.push(Buffer.of(65, 4, asn >>> 24, asn >>> 16, asn >>> 8, asn));
  const parameter = Buffer.concat(capabilities);
  const as16 = asn > 65_535 ? 23_456 : asn;
  const id = Buffer.from(localAddress.split(".").map(Number));
  const fixed = Buffer.concat([Buffer.of(4, as16 >>> 8, as16, holdSeconds >>> 8, holdSeconds), id]);
  const body = Buffer.concat([fixed, Buffer.of(parameter.length + 2, 2, parameter.length), parameter]);
  return Buffer.concat([Buffer.alloc(16, 0xff), Buffer.of(0, 19 + body.length, 1), body]);
}
