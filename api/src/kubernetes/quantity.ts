/** Amounts as Kubernetes writes them: `10M`, `1.5Gi`, `2e3`, `500m`. */

const decimal: readonly string[] = ["", "k", "M", "G", "T", "P", "E"];
const binary: readonly string[] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const small: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3 };

/** In units, rounded up as Kubernetes does it; `null` for what is no quantity. */
export function parseQuantity(text: string): bigint | null {
  const form = /^([+-]?)(\d{1,30})?(?:\.(\d{0,30}))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;
  const [matched, sign = "", whole = "", fraction = "", suffix = "", exponent = "0"] = form.exec(text) ?? [];
  if (matched === undefined || whole + fraction === "") return null;
  const power = Number(exponent) + (small[suffix] ?? Math.max(0, decimal.indexOf(suffix)) * 3) - fraction.length;
  const digits = BigInt(whole + fraction) * 1024n ** BigInt(Math.max(0, binary.indexOf(suffix)));
  const value = power >= 0 ? digits * 10n ** BigInt(power) : ceiling(digits, 10n ** BigInt(-power));
  return sign === "-" ? -value : value;
}

function ceiling(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
