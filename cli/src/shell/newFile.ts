/** A file that comes to be whole: what ends in the middle leaves none. */
import { open, unlink } from "node:fs/promises";
import { failed } from "../error.ts";

export async function writeNewFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw failed(`cannot write ${path}: ${reasons[error.code ?? ""] ?? error.code}`, { cause: error });
  });
  try {
    for await (const chunk of chunks) await file.write(chunk);
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await file.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: "there is such a file, and it stays as it is",
  ENOENT: "there is no such folder",
  EACCES: "you may not write there",
};
