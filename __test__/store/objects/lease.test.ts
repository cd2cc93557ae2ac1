import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { acquireCollector, withWriterLease } from '../../../src/store/objects/lease.ts'
import { objectsFolder } from '../../../src/store/objects/layout.ts'
import { storeIn } from '../../../src/store/store.ts'
import { folderOf } from '../../support/folder.ts'
import type { Store } from '../../../src/store/store.ts'

const leasesOf = (store: Store): string => join(objectsFolder(store), 'leases')

/** Returns the name of a lease of another process, which has ended or is on another machine. */
function otherMark(where: 'here' | 'elsewhere'): string {
  const program = `
    import { processMark } from ${JSON.stringify(resolve('src/util/process-identity.ts'))}
    console.log(processMark())`
  const file = join(folderOf({ 'mark.ts': program }), 'mark.ts')
  const mark = execFileSync(process.execPath, [file], { encoding: 'utf8' }).trim()
  return where === 'here' ? mark : mark.replace(/^(\d+-\w+)-\w+/, '$1-0badcafe')
}

test('writers share, and a collector waits for them', async () => {
  const store = storeIn(folderOf())
  const order: string[] = []
  const [started, first] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const a = withWriterLease(store, async () => {
    order.push('a')
    started.resolve()
    await first.promise
    order.push('a ends')
  })
  await started.promise
  await withWriterLease(store, () => Promise.resolve(order.push('b')))
  const collecting = acquireCollector(store).then((lease) => {
    order.push('collector')
    return lease
  })
  await sleep(200)
  await expect(acquireCollector(store)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
    path: store.root,
  })
  first.resolve()
  await a
  const lease = await collecting
  expect(order).toEqual(['a', 'b', 'a ends', 'collector'])
  expect([await lease.isHeld(), await lease.release(), await lease.isHeld()]).toEqual([true, true, false])
  expect(readdirSync(leasesOf(store))).toEqual([])
})

test('a writer waits for a collector, and not longer than it has patience', async () => {
  const store = storeIn(folderOf())
  const lease = await acquireCollector(store)
  const order: string[] = []
  await expect(
    withWriterLease(store, () => Promise.resolve(order.push('never')), { patience: 50 }),
  ).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  const writing = withWriterLease(store, () => Promise.resolve(order.push('writer')))
  order.push('collected')
  await lease.release()
  await writing
  expect(order).toEqual(['collected', 'writer'])
})

test('a writer that lost its lease does its work again, and gives up at last', async () => {
  const store = storeIn(folderOf())
  let attempts = 0
  const loseUntil = (last: number) => (): Promise<number> => {
    attempts++
    if (attempts <= last) for (const name of readdirSync(leasesOf(store))) rmSync(join(leasesOf(store), name))
    return Promise.resolve(attempts)
  }
  expect(await withWriterLease(store, loseUntil(1))).toBe(2)
  attempts = 0
  await expect(withWriterLease(store, loseUntil(9))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(attempts).toBe(3)
})

test('an error of the work gives the lease up', async () => {
  const store = storeIn(folderOf())
  await expect(withWriterLease(store, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  expect(readdirSync(leasesOf(store))).toEqual([])
})

test('leases of processes that ended count no longer; those of other machines until they expire', async () => {
  const store = storeIn(folderOf())
  await withWriterLease(store, () => Promise.resolve())
  const put = (holder: string, mark: string, age = 0): string => {
    const path = join(leasesOf(store), `${holder}-0123456789abcdef-${mark}`)
    writeFileSync(path, '')
    const time = new Date(Date.now() - age)
    utimesSync(path, time, time)
    return path
  }
  put('writer', otherMark('here'))
  put('collector', otherMark('here'))
  await (await acquireCollector(store, { patience: 0 })).release()
  expect(readdirSync(leasesOf(store))).toEqual([])

  const fresh = put('writer', otherMark('elsewhere'))
  await expect(acquireCollector(store, { patience: 0 })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
    path: fresh,
  })
  rmSync(fresh)
  for (const age of [11 * 60_000, -11 * 60_000]) {
    put('writer', otherMark('elsewhere'), age)
    put('collector', otherMark('elsewhere'), age)
    await (await acquireCollector(store, { patience: 0 })).release()
    expect(readdirSync(leasesOf(store))).toEqual([])
  }
})
