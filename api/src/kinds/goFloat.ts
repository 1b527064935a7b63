/**
 * A number as Go's `%v` writes it, which is what calicoctl's tables show: with an exponent from 1e+06 on, and below
 * 0.0001 (strconv's `g` in its shortest form).
 */
export function goFloat(value: number): string {
  const [mantissa, exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (value === 0 || (exponent >= -4 && exponent < 6)) return String(value);
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}
