/**
 * The tar format (POSIX.1-2017, pax), as much of it as image layers and archives take. Pure: the same entries give the
 * same bytes, whoever writes them and when. Everything belongs to root and is of the year 1970.
 */
import assert from "node:assert/strict";

export type TarEntry = Directory | Link | File;

interface Directory {
  readonly kind: "directory";
  /** Relative to the root, without a slash at either end. */
  readonly path: string;
  readonly mode: number;
}

interface Link {
  readonly kind: "symlink";
  readonly path: string;
  readonly target: string;
}

export interface File {
  readonly kind: "file";
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** The bytes, or the path on this machine where they are. */
  readonly content: Uint8Array | string;
}

const blockBytes = 512;
/** Eleven octal digits. */
const sizeMax = 8 ** 11 - 1;

/** What stands before an entry's content: its header, and before that a pax header where a name is too long for it. */
export function tarHeader(entry: TarEntry): Buffer {
  const target = entry.kind === "symlink" ? entry.target : "";
  const records: string[] = [];
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(path) > 100) records.push(paxRecord("path", path));
  if (Buffer.byteLength(target) > 100) records.push(paxRecord("linkpath", target));
  const size = entry.kind === "file" ? entry.size : 0;
  const mode = entry.kind === "symlink" ? 0o777 : entry.mode;
  const own = header({ path, target, type: typeFlags[entry.kind], mode, size });
  if (records.length === 0) return own;
  const extension = Buffer.from(records.join(""));
  const before = header({ path: "pax", target: "", type: "x", mode: 0o644, size: extension.length });
  return Buffer.concat([before, extension, padding(extension.length), own]);
}

/** Fills the last block of content. */
export function padding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

/** Two empty blocks. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

const typeFlags = { file: "0", symlink: "2", directory: "5" } as const;

interface Header {
  readonly path: string;
  readonly target: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
}

function header({ path, target, type, mode, size }: Header): Buffer {
  assert(size <= sizeMax, `${path} is larger than a tar header can say`);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  block.write(path, 0, 100);
  octal(mode & 0o7777, 100, 7);
  octal(0, 108, 7); // Owner.
  octal(0, 116, 7); // Group.
  octal(size, 124, 11);
  octal(0, 136, 11); // Time.
  block.fill(" ", 148, 156);
  block.write(type, 156, "latin1");
  block.write(target, 157, 100);
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** A record begins with its own length, digits of the length included. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length += 1;
  return `${length}${rest}`;
}
