import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unlessDisguised } from '../../src/model/disguised.ts'
import { folderOf } from '../support/folder.ts'

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 1\n'

function pathsOf(...contents: readonly string[]): string[] {
  const folder = folderOf(Object.fromEntries(contents.map((content, at) => [`${at}.bin`, content])))
  return contents.map((_, at) => join(folder, `${at}.bin`))
}

const fail = (): Promise<never> => Promise.reject(new Error('the work failed'))

test('a file that is not what its name says is refused however the work ends', async () => {
  for (const work of [() => Promise.resolve(1), fail])
    await expect(
      unlessDisguised(pathsOf('\0', POINTER), 'a model file', undefined, work),
    ).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received: 'a Git LFS pointer' })
})

test('of other files the result of the work counts, or its error', async () => {
  expect(await unlessDisguised(pathsOf('\0'), 'a model file', undefined, () => Promise.resolve(1))).toBe(1)
  await expect(unlessDisguised(pathsOf('\0'), 'a model file', undefined, fail)).rejects.toThrow(
    'the work failed',
  )
})

test('the reason of the signal comes before the refusal', async () => {
  const controller = new AbortController()
  const work = (): Promise<never> => {
    controller.abort(new Error('enough'))
    return Promise.reject(controller.signal.reason as Error)
  }
  await expect(unlessDisguised(pathsOf(POINTER), 'a model file', controller.signal, work)).rejects.toThrow(
    'enough',
  )
})
