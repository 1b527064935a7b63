/** A time as Go's `Time.String` prints it in UTC, which is what Calico keeps beside an address. */
export function goTime(ns: bigint): string {
  const [date, time] = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19).split("T");
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${date} ${time}${fraction && `.${fraction}`} +0000 UTC`;
}
