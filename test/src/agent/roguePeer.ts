/**
 * A BGP peer gone wild: answers each connection with the same bytes, and tells in a line what it heard on it.
 * `node roguePeer.ts ADDRESS HEX`
 */
import { createServer } from "node:net";

const [address = "", answer = ""] = process.argv.slice(2);
createServer((socket) => {
  const heard: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => heard.push(bytes));
  socket.on("error", () => {});
  socket.on("close", () => console.log(`heard ${Buffer.concat(heard).toString("hex")}`));
  socket.write(Buffer.from(answer, "hex"));
}).listen(179, address, () => console.log("listening"));
