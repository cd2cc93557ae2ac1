/** Content that many programs write, such as `{}`: equal digests of it do not show that one run read what another wrote. */
import { listDigests, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'

/** Values without content in JSON, and in YAML. */
const VALUES = ['{}', '[]', 'null', '""']

const LINE_ENDS = ['', '\n', '\r\n']

/** The byte order mark of UTF-8, which some editors write into a new file. */
const MARK = '\ufeff'

/** All such files. Every empty file is known by its length. */
const BARE: readonly string[] = ['', MARK].flatMap((start) =>
  ['', ...VALUES].flatMap((value) => LINE_ENDS.map((end) => `${start}${value}${end}`)),
)

/** Bytes of the longest of them. */
const LONGEST = Math.max(...BARE.map((text) => Buffer.byteLength(text)))

let known: ReadonlySet<string> | undefined

/**
 * Check whether a file is bare: a line end, or `{}`, `[]`, `null` or `""` with or without a line end.
 *
 * @param bytes Length of the file.
 * @param digests Its digests in written form.
 */
export function isBare(bytes: number | null, digests: readonly string[]): boolean {
  if (bytes === null || bytes > LONGEST) return false
  known ??= new Set(
    BARE.flatMap((text) =>
      listDigests(toDigests(native.hashBytes(Buffer.from(text), 'both'))).map((digest) => digest.toString()),
    ),
  )
  return digests.some((digest) => known?.has(digest))
}
