export { Links, type LinksOptions } from "./wiring/links.ts";
