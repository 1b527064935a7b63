/** By itself, so that a package which is built of it carries this call of `net` and none of its native libraries. */
export { callControl } from "@brindle/net/shell";
