/**
 * The UID of a resource that is made from an object of Kubernetes. It must be another one than the object's, or the
 * garbage collector would take one for the other; it is the same each time, and Calico's. Twice gives the first again.
 */
export function convertedUid(uid: string | undefined): string | undefined {
  const digits = uid?.replaceAll("-", "") ?? "";
  if (!/^[0-9a-f]{32}$/i.test(digits)) return uid;
  const bytes = Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  const converted = bytes.map((byte, i) => (keptBytes.includes(i) ? byte : reversedBits(byte)));
  const text = converted.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Version and variant (RFC 9562 §4). */
const keptBytes: readonly number[] = [6, 8];

function reversedBits(byte: number): number {
  return Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2);
}
