/**
 * Writes an image as an OCI archive: one tar file that `ctr images import` and others take, without Docker and without
 * a registry. The same files give the same bytes.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { textEntry, withParents } from "./entries.ts";
import { type Compression, type ImageSpec, imageDocuments, type LayerBlob, layerMediaTypes } from "./image.ts";
import { type File, padding, type TarEntry, tarEnd, tarHeader } from "./tar.ts";

export interface Archive {
  readonly path: string;
  /** Of the manifest: it names the image wherever it is. */
  readonly digest: string;
  readonly layers: readonly LayerBlob[];
}

/** The archive has its name when it is whole. */
export async function writeImage(spec: ImageSpec, path: string): Promise<Archive> {
  const folder = await mkdtemp(join(dirname(path), ".image-"));
  try {
    const { compression = "none" } = spec;
    const layers = await Promise.all(
      spec.layers.map((layer, index) => writeLayer(withParents(layer), join(folder, `layer${index}`), compression)),
    );
    const { index, manifest, config } = imageDocuments(spec, layers, process.arch);
    const entries = withParents([
      textEntry("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
      bytesEntry("index.json", index),
      bytesEntry(blobPath(manifest.digest), manifest.bytes),
      bytesEntry(blobPath(config.digest), config.bytes),
      ...distinct(layers).map(({ digest, size }) => fileOf(blobPath(digest), size, layerPath(layers, digest, folder))),
    ]);
    const whole = join(folder, "archive");
    await pipeline(tarBytes(entries), createWriteStream(whole));
    await rename(whole, path);
    return { path, digest: manifest.digest, layers };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Levels after which Node's executable takes much longer and gets hardly smaller. */
const compressors: Readonly<Record<Compression, () => NodeJS.ReadWriteStream[]>> = {
  none: () => [],
  gzip: () => [createGzip({ level: 6 })],
  zstd: () => [createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 9 } })],
};

async function writeLayer(entries: readonly TarEntry[], path: string, compression: Compression): Promise<LayerBlob> {
  const plain = createHash("sha256");
  const stored = createHash("sha256");
  const file = createWriteStream(path);
  await pipeline([tarBytes(entries), hashing(plain), ...compressors[compression](), hashing(stored), file]);
  const digestOf = (hash: Hash): string => `sha256:${hash.digest("hex")}`;
  return {
    mediaType: layerMediaTypes[compression],
    digest: digestOf(stored),
    size: file.bytesWritten,
    diffId: digestOf(plain),
  };
}

async function* tarBytes(entries: readonly TarEntry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield tarHeader(entry);
    if (entry.kind !== "file") continue;
    if (typeof entry.content !== "string") yield entry.content;
    else if (entry.size > 0)
      yield* createReadStream(entry.content, { end: entry.size - 1, highWaterMark: 1024 * 1024 });
    yield padding(entry.size);
  }
  yield tarEnd;
}

function hashing(hash: Hash): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  };
}

function blobPath(digest: string): string {
  return digest.replace("sha256:", "blobs/sha256/");
}

function bytesEntry(path: string, content: Uint8Array): File {
  return { kind: "file", path, mode: 0o644, size: content.length, content };
}

function fileOf(path: string, size: number, content: string): File {
  return { kind: "file", path, mode: 0o644, size, content };
}

/** Two layers may be the same bytes: one blob then. */
function distinct(layers: readonly LayerBlob[]): LayerBlob[] {
  return layers.filter((layer, index) => layers.findIndex(({ digest }) => digest === layer.digest) === index);
}

function layerPath(layers: readonly LayerBlob[], digest: string, folder: string): string {
  return join(folder, `layer${layers.findIndex((layer) => layer.digest === digest)}`);
}
