/** CSV in other encodings, against the decoders of Node. */
import { gzipSync } from 'node:zlib'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { keptFolder } from '../support/kept-folder.ts'
import type { TableOptions } from '../../src/dataset/table.ts'

async function digestOf(bytes: Uint8Array, options: TableOptions = {}): Promise<string> {
  return (await hashTable(bytes, { format: 'csv', ...options })).digest.toString()
}

function swapped(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

describe('CSV in another encoding', () => {
  // More than a piece that is read at once; characters of two units lie across its end whatever its length.
  const text = `id,text\n${Array.from({ length: 40_000 }, (_, id) => `${id},"é😀, €\n${'😀'.repeat(id % 7)}"\n`).join('')}`

  test.each([
    ['utf-8', Buffer.from(text)],
    ['utf-16le', Buffer.from(text, 'utf16le')],
    ['utf-16le', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['utf-16be', swapped(text)],
    ['utf-16', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['utf-16', swapped(`\uFEFF${text}`)],
  ] as const)('%s is the table of its characters', async (encoding, bytes) => {
    expect(await digestOf(bytes, { encoding })).toBe(await digestOf(Buffer.from(text)))
  })

  test.each(['latin1', 'windows-1252'] as const)('%s is, with every byte', async (encoding) => {
    const undefinedBytes = encoding === 'latin1' ? [] : [0x81, 0x8d, 0x8f, 0x90, 0x9d]
    const bytes = Buffer.from(
      Array.from({ length: 256 }, (_, byte) => byte).filter(
        (byte) => ![10, 13, 34, 44, ...undefinedBytes].includes(byte),
      ),
    )
    // To the decoders of the web both are windows-1252.
    const decoded =
      encoding === 'latin1' ? bytes.toString('latin1') : new TextDecoder('windows-1252').decode(bytes)
    const file = Buffer.concat([Buffer.from('a\n'), bytes])
    expect(await digestOf(file, { encoding })).toBe(await digestOf(Buffer.from(`a\n${decoded}`)))
  })

  test('of a compressed file is that of its content', async () => {
    const path = join(keptFolder(), 'a.csv.gz')
    writeFileSync(path, gzipSync(Buffer.from('a\né\n', 'utf16le')))
    const { digest } = await hashTable(path, { encoding: 'utf-16le' })
    expect(digest.toString()).toBe(await digestOf(Buffer.from('a\né\n')))
  })

  test.each([
    [
      'windows-1252',
      Buffer.from('a\nb\n\x81\n', 'latin1'),
      'line 3: it is not Windows-1252',
      'the byte 0x81',
    ],
    [
      'utf-16le',
      Buffer.from('a\nb\n\uD83D\n', 'utf16le'),
      'line 3: it is not UTF-16',
      'the half 0xd83d of a character',
    ],
    [
      'utf-16le',
      Buffer.from('a\n\uD83D', 'utf16le'),
      'line 2: it is not UTF-16',
      'the first half of a character at the end',
    ],
    ['utf-16le', Buffer.from('a\0\n'), 'line 1: it is not UTF-16', 'half of a unit at the end'],
    ['utf-16', Buffer.from('a\n', 'utf16le'), 'line 1: it has no byte order mark', undefined],
    ['utf-8', Buffer.from('\uFEFFa\n', 'utf16le'), 'byte order mark of UTF-16', 'UTF-16'],
  ] as const)('%s of wrong bytes names the line', async (encoding, bytes, message, received) => {
    const error: unknown = await digestOf(bytes, { encoding }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      ...(received !== undefined && { received }),
    })
    expect(String(error)).toContain(message)
  })

  test('is of CSV alone, and one that is known', async () => {
    const schema = { a: 'int8' }
    await expect(
      hashTable(Buffer.from('{"a":1}\n'), { format: 'jsonl', schema, encoding: 'latin1' }),
    ).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
    await expect(digestOf(Buffer.from('a\n'), { encoding: 'ascii' as 'latin1' })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
    })
  })
})
