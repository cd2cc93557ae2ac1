/** Files by which a dataset of Hugging Face describes itself: JSON, and the YAML of its card. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { parseJson, toObjects } from '../../json/parse.ts'

/** The most bytes of a description. */
const LIMIT = 16 << 20

/** Read the YAML at the start of a card; nothing if it has none. */
export async function readCard(
  root: string,
  file: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const head = frontMatter(await readText(root, file))
  return head === undefined ? undefined : parseYaml(head, root, file)
}

/** Return the YAML between the lines of dashes at the start of a card. */
function frontMatter(text: string): string | undefined {
  return /^---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)/s.exec(text)?.[1]
}

async function parseYaml(
  text: string,
  root: string,
  file: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('yaml')
  try {
    const value: unknown = parse(text)
    return isObject(value) ? value : {}
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'its description is not YAML', {
      path: join(root, file),
      cause,
    })
  }
}

/** Read a file of a JSON object of at most so many bytes. */
export async function readObject(
  root: string,
  file: string,
  limit: number = LIMIT,
): Promise<Readonly<Record<string, unknown>>> {
  const value = toObjects(parseJson(await readText(root, file, limit), join(root, file)).value)
  if (isObject(value)) return value
  throw damaged(root, file, 'a JSON object', typeof value)
}

async function readText(root: string, file: string, limit: number = LIMIT): Promise<string> {
  const path = join(root, file)
  try {
    const { size } = await stat(path)
    if (size > limit) throw damaged(root, file, `at most ${limit} bytes`, size)
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it cannot be read', { path, cause })
  }
}

/** Return the error of a file that describes something else. */
export function damaged(root: string, file: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it does not describe a dataset', {
    path: join(root, file),
    expected,
    received: (JSON.stringify(received) ?? 'nothing').slice(0, 80),
  })
}

/** Check whether a value has members. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Return a member of an object; nothing of anything else. */
export function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Return a list as it is, and another value as a list of it. */
export function asList(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
