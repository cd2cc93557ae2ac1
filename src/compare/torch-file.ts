/**
 * Files of `torch.save`, compared without the paths in them. Checkpoints of Lightning hold the absolute path of their
 * folder. The file is a zip of a pickle and of the raw tensors. A pickle is a program; it is read as a list of
 * instructions here, and none is executed.
 */
import { VOLATILE_NAMES } from './volatile-files.ts'

/** A member of the zip, without what is volatile in it. */
export interface TorchMember {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Thrown and caught in this file: the bytes have another form. */
class OtherForm extends Error {}

/**
 * Return the members of a file of `torch.save`, sorted by name, with texts of its pickle in which the output folder and
 * times are replaced.
 *
 * @param folders Absolute paths of the output folder.
 * @returns `undefined` if no text has such a part, or the bytes have another form.
 */
export function stableMembers(bytes: Uint8Array, folders: readonly string[]): TorchMember[] | undefined {
  try {
    let isReplaced = false
    const members = membersOf(bytes).flatMap((member) => {
      // A digest of the whole, made by PyTorch.
      if (member.name.endsWith('/.data/serialization_id')) return []
      if (!member.name.endsWith('/data.pkl')) return [member]
      const stable = replaceTexts(member.bytes, (text) => replacePaths(text, folders))
      isReplaced ||= stable.isReplaced
      return [{ name: member.name, bytes: stable.bytes }]
    })
    return isReplaced ? members.toSorted((a, b) => (a.name < b.name ? -1 : 1)) : undefined
  } catch (error) {
    if (error instanceof OtherForm) return undefined
    throw error
  }
}

function replacePaths(text: string, folders: readonly string[]): string {
  // The mark must not occur in the text itself.
  if (text.includes('\0')) throw new OtherForm()
  const folder = folders.find((path) => text === path || text.startsWith(`${path}/`))
  const below = folder === undefined ? text : `\0output${text.slice(folder.length)}`
  return VOLATILE_NAMES.reduce((path, time) => path.replace(time, '\0time'), below)
}

/** Bytes with checks: a read beyond the end is another form. */
class Cursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = position
  }

  get isAtEnd(): boolean {
    return this.position === this.#bytes.length
  }

  take(length: number): Uint8Array {
    const start = this.position
    if (length < 0 || start + length > this.#bytes.length) throw new OtherForm()
    this.position += length
    return this.#bytes.subarray(start, start + length)
  }

  /** Read an unsigned integer of 1, 2, 4 or 8 bytes, least significant first. */
  integer(width: 1 | 2 | 4 | 8): number {
    const start = this.position
    this.take(width)
    if (width === 1) return this.#view.getUint8(start)
    if (width === 2) return this.#view.getUint16(start, true)
    if (width === 4) return this.#view.getUint32(start, true)
    const value = this.#view.getBigUint64(start, true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new OtherForm()
    return Number(value)
  }

  /** Take a line with its end. */
  line(): Uint8Array {
    const end = this.#bytes.indexOf(0x0a, this.position)
    return this.take(end < 0 ? -1 : end + 1 - this.position)
  }
}

const [LOCAL, CENTRAL, END, END64, LOCATOR64] = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50]

/** Return the members of a zip in which nothing is compressed. */
function membersOf(bytes: Uint8Array): TorchMember[] {
  const { count, start } = directoryOf(bytes)
  const cursor = new Cursor(bytes, start)
  const members = new Map<string, TorchMember>()
  for (let index = 0; index < count; index++) {
    if (cursor.integer(4) !== CENTRAL) throw new OtherForm()
    cursor.take(6)
    const method = cursor.integer(2)
    cursor.take(8)
    const [compressed, size] = [cursor.integer(4), cursor.integer(4)]
    const [nameLength, extraLength, commentLength] = [cursor.integer(2), cursor.integer(2), cursor.integer(2)]
    cursor.take(8)
    const offset = cursor.integer(4)
    const name = utf8(cursor.take(nameLength))
    const wide = wideFields(cursor.take(extraLength), [size, compressed, offset])
    cursor.take(commentLength)
    const [realSize = 0, realCompressed = 0, realOffset = 0] = wide
    if (method !== 0 || realSize !== realCompressed || members.has(name)) throw new OtherForm()
    members.set(name, { name, bytes: contentAt(bytes, realOffset, realSize) })
  }
  return [...members.values()]
}

function directoryOf(bytes: Uint8Array): { count: number; start: number } {
  // The end record has 22 bytes; PyTorch writes no comment after it.
  const end = new Cursor(bytes, bytes.length - 22)
  if (bytes.length < 22 || end.integer(4) !== END) throw new OtherForm()
  end.take(6)
  const count = end.integer(2)
  end.take(4)
  const start = end.integer(4)
  if (bytes.length < 42) return { count, start }
  const locator = new Cursor(bytes, bytes.length - 42)
  if (locator.integer(4) !== LOCATOR64) return { count, start }
  locator.take(4)
  const wide = new Cursor(bytes, locator.integer(8))
  if (wide.integer(4) !== END64) throw new OtherForm()
  wide.take(28)
  const wideCount = wide.integer(8)
  wide.take(8)
  return { count: wideCount, start: wide.integer(8) }
}

/** Return fields with their values from the extra field of zip64, where they have the largest value of 32 bits. */
function wideFields(extra: Uint8Array, fields: readonly number[]): number[] {
  const cursor = new Cursor(extra)
  while (!cursor.isAtEnd) {
    const id = cursor.integer(2)
    const inner = new Cursor(cursor.take(cursor.integer(2)))
    if (id === 1) return fields.map((field) => (field === 0xffffffff ? inner.integer(8) : field))
  }
  return [...fields]
}

function contentAt(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  const cursor = new Cursor(bytes, offset)
  if (cursor.integer(4) !== LOCAL) throw new OtherForm()
  cursor.take(22)
  const [nameLength, extraLength] = [cursor.integer(2), cursor.integer(2)]
  cursor.take(nameLength + extraLength)
  return cursor.take(size)
}

const codes = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0))

/** Lengths of the operands of instructions: bytes. */
const FIXED = new Map<number, number>([
  ...codes('(.012NQRbdul]ao})est\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98').map(
    (code): [number, number] => [code, 0],
  ),
  ...codes('Khq\x80\x82').map((code): [number, number] => [code, 1]),
  ...codes('M\x83').map((code): [number, number] => [code, 2]),
  ...codes('Jjr\x84').map((code): [number, number] => [code, 4]),
  ...codes('G').map((code): [number, number] => [code, 8]),
])

/** Instructions whose operands are lines: their number. */
const LINES = new Map<number, number>([
  ...codes('FILSVPgp').map((code): [number, number] => [code, 1]),
  ...codes('ci').map((code): [number, number] => [code, 2]),
])

/** Instructions with a length before their operand: its width. */
const COUNTED = new Map<number, 1 | 4 | 8>([
  [0x54, 4],
  [0x55, 1],
  [0x42, 4],
  [0x43, 1],
  [0x8e, 8],
  [0x96, 8],
  [0x8a, 1],
  [0x8b, 4],
])

/** Instructions with a text: the width of its length. */
const TEXTS = new Map<number, 1 | 4 | 8>([
  [0x58, 4],
  [0x8c, 1],
  [0x8d, 8],
])

const [STOP, FRAME] = [0x2e, 0x95]

/** Return the instructions of a pickle with other texts. Frames are left out: their lengths depend on the texts. */
function replaceTexts(
  pickle: Uint8Array,
  replace: (text: string) => string,
): { readonly bytes: Uint8Array; readonly isReplaced: boolean } {
  const cursor = new Cursor(pickle)
  const parts: Uint8Array[] = []
  let [code, isReplaced] = [-1, false]
  while (code !== STOP) {
    const start = cursor.position
    code = cursor.integer(1)
    const width = TEXTS.get(code)
    if (width !== undefined) {
      const text = utf8(cursor.take(cursor.integer(width)))
      const replaced = replace(text)
      isReplaced ||= replaced !== text
      const [head, content] = [Buffer.alloc(5, 'X'), Buffer.from(replaced)]
      head.writeUInt32LE(content.length, 1)
      parts.push(head, content)
    } else if (code === FRAME) cursor.take(8)
    else {
      skip(cursor, code)
      parts.push(pickle.subarray(start, cursor.position))
    }
  }
  if (!cursor.isAtEnd) throw new OtherForm()
  return { bytes: Buffer.concat(parts), isReplaced }
}

function skip(cursor: Cursor, code: number): void {
  const [fixed, lines, width] = [FIXED.get(code), LINES.get(code), COUNTED.get(code)]
  if (fixed !== undefined) cursor.take(fixed)
  else if (lines !== undefined) for (let line = 0; line < lines; line++) cursor.line()
  else if (width !== undefined) cursor.take(cursor.integer(width))
  else throw new OtherForm()
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new OtherForm()
  }
}
