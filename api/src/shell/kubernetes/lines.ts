/** The lines of a stream, several at once as they come; what follows the last line break is no line yet. */
import { StringDecoder } from "node:string_decoder";

export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<readonly string[]> {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  for await (const chunk of stream) {
    const lines = decoder.write(chunk).split("\n");
    const rest = lines.pop() ?? "";
    const [first] = lines;
    if (first === undefined) {
      parts.push(rest);
      continue;
    }
    lines[0] = parts.join("") + first;
    parts = [rest];
    yield lines;
  }
}
