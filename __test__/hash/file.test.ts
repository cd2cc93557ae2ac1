import { createHash } from 'node:crypto'
import { closeSync, openSync, symlinkSync, truncateSync, writeSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { folderOf, paint } from '../support/folder.ts'
import type { Progress } from '../../src/core/options.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('SHA-256 equals that of node:crypto, alone and beside BLAKE3', async () => {
  const bytes = paint(5_000_000)
  const path = join(folderOf({ file: bytes }), 'file')
  const both = await hashFile(path, { algorithm: 'both' })
  expect(both.digests.sha256?.hex).toBe(sha256(bytes))
  expect((await hashFile(path, { algorithm: 'sha256' })).digest.toString()).toBe(`sha256:${sha256(bytes)}`)
  expect((await hashFile(path)).digest.equals(both.digest)).toBe(true)
  expect(both.size).toBe(5_000_000)
})

test('a link is followed', async () => {
  const folder = folderOf({ file: 'x' })
  symlinkSync('file', join(folder, 'link'))
  expect((await hashFile(join(folder, 'link'))).digest.hex).toBe(
    (await hashFile(join(folder, 'file'))).digest.hex,
  )
})

test('what cannot be hashed is an error with code, path and cause', async () => {
  const folder = folderOf({ 'a/b': 'x' })
  execFileSync('mkfifo', [join(folder, 'fifo')])
  await expect(hashFile(join(folder, 'none'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
    path: join(folder, 'none'),
    cause: { errno: 2 },
  })
  await expect(hashFile(join(folder, 'fifo'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_REGULAR',
    received: 'a FIFO',
  })
  await expect(hashFile(folder)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_REGULAR',
    received: 'a folder',
  })
  await expect(hashFile('/proc/self/mem')).rejects.toBeInstanceOf(LineaprintError)
})

test('wrong calls are refused before anything is read', async () => {
  await expect(hashFile('')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(hashFile('a\0b')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(hashFile('x', { threads: 0 })).rejects.toMatchObject({ field: 'threads' })
  // @ts-expect-error a mistyped option
  await expect(hashFile('x', { algoritm: 'sha256' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'algoritm',
    hint: expect.stringContaining('algorithm') as string,
  })
  // @ts-expect-error an unknown algorithm
  await expect(hashFile('x', { algorithm: 'md5' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'algorithm',
    expected: 'blake3, sha256, both',
    received: '"md5"',
  })
})

test('one failure among many files keeps its place', async () => {
  const folder = folderOf({ a: '1', b: '2' })
  const outcomes = await hashFiles(['a', 'none', 'b'].map((name) => join(folder, name)))
  expect(outcomes.map((outcome) => outcome instanceof LineaprintError)).toEqual([false, true, false])
})

test('a file that is written while it is read gives the old digest, the new one, or an error', async () => {
  const folder = folderOf({ file: new Uint8Array(20_000_000) })
  const path = join(folder, 'file')
  const descriptor = openSync(path, 'r+')
  const valid = new Set<string>()
  for (let round = 0; round < 15; round++) {
    valid.add((await hashFile(path)).digest.hex)
    const hashing = hashFile(path).then(
      ({ digest }) => digest.hex,
      (error: LineaprintError) => error.code,
    )
    // One write at the end and one at the start, in the middle of the read: a mixture would be a third digest.
    writeSync(descriptor, Buffer.from([round + 1]), 0, 1, 19_999_999)
    writeSync(descriptor, Buffer.from([round + 1]), 0, 1, 0)
    const outcome = await hashing
    valid.add((await hashFile(path)).digest.hex)
    valid.add('ERR_LINEAPRINT_CHANGED')
    expect([...valid]).toContain(outcome)
  }
  closeSync(descriptor)
})

test('an aborted call rejects with the reason of its signal, and the threads stop', async () => {
  const path = join(folderOf({}), 'sparse')
  closeSync(openSync(path, 'w'))
  truncateSync(path, 40_000_000_000)
  const reason = new Error('enough')
  const controller = new AbortController()
  const hashing = hashFile(path, { signal: controller.signal })
  await setTimeout(50)
  const stopped = performance.now()
  controller.abort(reason)
  await expect(hashing).rejects.toBe(reason)
  expect(performance.now() - stopped).toBeLessThan(20_000)
  const before = process.cpuUsage()
  await setTimeout(200)
  const { user, system } = process.cpuUsage(before)
  expect(user + system).toBeLessThan(150_000)
  await expect(hashFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('progress ends at the total, and an error in its callback ends the work', async () => {
  const path = join(folderOf({ file: paint(3_000_000) }), 'file')
  const seen: Progress[] = []
  await hashFile(path, { onProgress: (progress) => seen.push(progress) })
  expect(seen.at(-1)).toEqual({ bytesDone: 3_000_000, bytesTotal: 3_000_000, filesDone: 1, filesTotal: 1 })
  const broken = new Error('broken callback')
  await expect(
    hashFile(path, {
      onProgress: () => {
        throw broken
      },
    }),
  ).rejects.toBe(broken)
})

test('four FIFOs cannot stop other file calls', async () => {
  const folder = folderOf({ file: 'x' })
  const paths = ['1', '2', '3', '4'].map((name) => join(folder, name))
  for (const path of paths) execFileSync('mkfifo', [path])
  const outcomes = await hashFiles([...paths, join(folder, 'file')])
  expect(outcomes.filter((outcome) => outcome instanceof LineaprintError)).toHaveLength(4)
})
