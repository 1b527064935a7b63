/** By itself, so that a package which is built of it carries these calls of `net` and none of its native libraries. */
export { callControl, streamControl } from "@brindle/net/shell";
