/** A client of the container runtime interface (CRI, `runtime.v1`), as a kubelet is one: gRPC over a Unix socket. */
import { type ClientHttp2Stream, connect } from "node:http2";
import { createConnection } from "node:net";
import { decodeMessage, encodeMessage, type Field, type Message } from "./protobuf.ts";

/** The call's answer. Rejects with what the runtime says. */
export async function callRuntime(socket: string, method: string, fields: readonly Field[]): Promise<Message> {
  const session = connect("http://localhost", { createConnection: () => createConnection(socket) });
  try {
    const failed = new Promise<never>((_, reject) => session.once("error", reject));
    return await Promise.race([failed, called(session.request(headersOf(method)), fields)]);
  } finally {
    session.destroy();
  }
}

function headersOf(method: string): Record<string, string> {
  return {
    ":method": "POST",
    ":path": `/runtime.v1.RuntimeService/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
  };
}

/** Each message is preceded by a byte for compression, which is not used, and its length in four. */
const headLength = 5;

function called(stream: ClientHttp2Stream, fields: readonly Field[]): Promise<Message> {
  const request = encodeMessage(fields);
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(request.length, 1);
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  let said: Record<string, unknown> = {};
  // A failure without a message has its status among the headers.
  stream.on("response", (headers) => (said = { ...said, ...headers }));
  stream.on("trailers", (trailers) => (said = { ...said, ...trailers }));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", reject);
  stream.on("close", () => {
    if (said["grpc-status"] === "0") resolve(decodeMessage(Buffer.concat(chunks).subarray(headLength)));
    else reject(new Error(decodeURIComponent(String(said["grpc-message"] ?? "the runtime ended the call"))));
  });
  stream.end(Buffer.concat([head, request]));
  return promise;
}
