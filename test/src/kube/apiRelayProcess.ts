/** The end inside of a node: who connects to the port of its loopback reaches the path. */
import { connect, createServer } from "node:net";
import { join } from "./apiRelay.ts";

const [path = "", port = ""] = process.argv.slice(2);
const server = createServer((near) => join(near, connect({ path })));
server.listen({ host: "127.0.0.1", port: Number(port) }, () => console.log("relaying"));
