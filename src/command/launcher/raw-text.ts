/** Variables as bytes: JavaScript has them as text, in which a byte that is not UTF-8 is lost. Such arguments are refused earlier. */
import { readFileSync } from 'node:fs'

/** The character that stands in a text for bytes that are not UTF-8. */
const LOST = '\uFFFD'

/** Return variables as `NAME=value`. One that this process was started with is as it was. */
export function variableBytes(environment: NodeJS.ProcessEnv): Buffer[] {
  const texts = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  if (!texts.some((text) => text.includes(LOST))) return texts.map((text) => Buffer.from(text))
  const raw = new Map(rawTexts('/proc/self/environ').map((bytes) => [bytes.toString(), bytes]))
  return texts.map((text) => raw.get(text) ?? Buffer.from(text))
}

/** Return the texts of a file of the system, each ended by a zero byte; none if there is no such file. */
function rawTexts(path: string): Buffer[] {
  let content: Buffer
  try {
    content = readFileSync(path)
  } catch {
    return []
  }
  const texts: Buffer[] = []
  for (let start = 0, end; (end = content.indexOf(0, start)) >= 0; start = end + 1)
    texts.push(content.subarray(start, end))
  return texts
}
