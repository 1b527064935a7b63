/**
 * Node's HTTP without what an import statement loads besides: to fill the namespace of a built-in module, Node reads all
 * that it exports, and behind `WebSocket` of `node:http` is a client of its own (undici), 16 MB of memory.
 */
import { createRequire as requireFrom } from "node:module";

const http: typeof import("node:http") = requireFrom(import.meta.url)("node:http");

export const createServer: typeof http.createServer = http.createServer;
export const request: typeof http.request = http.request;
