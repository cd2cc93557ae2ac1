/**
 * Leases: why the collection of garbage never takes an object from a run that is about to name it.
 *
 * A writer holds a lease from before it copies the first file until the journal of its run, which names the objects, is on
 * disk. A collector holds a lease while it removes. Both make their own first and then look for the other kind: so one of
 * two that start at the same time sees the other. A writer then gives way, and a collector waits.
 *
 * A lease is a file in `objects/leases`, whose name tells the process. It ends with its process. The lease of a writer that
 * was not renewed for a while, since its process hangs or its machine is gone, is removed by a collector; a writer that
 * finds its lease gone does its work again. The lease of a collector expires only where its process cannot be checked.
 */
import { open, readdir, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LineaprintError } from '../../core/errors.ts'
import { randomHex } from '../../core/random.ts'
import { isMissing, makeFolders, storeError } from '../../util/fs.ts'
import { isMarkedAlive, processMark } from '../../util/process-identity.ts'
import { makeObjectFolders, objectsFolder } from './layout.ts'
import type { Store } from '../store.ts'

/** Name of the folder of leases in that of objects. */
export const LEASES_FOLDER = 'leases'

/** Holders of leases. */
type Holder = 'writer' | 'collector'

/** Milliseconds after which a lease that was not renewed has expired. */
const EXPIRY = 10 * 60_000

/** Milliseconds between two renewals. */
const RENEWAL = 60_000

/** Milliseconds between two queries of the leases of others. */
const POLL = 25

/** Milliseconds for which a writer waits for a collector. */
const WRITER_PATIENCE = 10 * 60_000

/** Times that a writer does its work, if it loses its lease each time. */
const ATTEMPTS = 3

const NAME = /^(writer|collector)-[0-9a-f]{16}-(.+)$/

/** A lease that is held. */
export interface Lease {
  /** Return whether nobody has removed it. */
  isHeld(): Promise<boolean>
  /** Give it up. Returns whether it was held until now. */
  release(): Promise<boolean>
}

/** Options of leases. */
export interface LeaseOptions {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for which to wait for others. */
  readonly patience?: number | undefined
}

/**
 * Do work that names objects, under the lease of a writer.
 *
 * @param work Keeps files, and makes their names durable in the journal. It is done again if the lease was lost.
 * @throws The errors of the work, and ERR_LINEAPRINT_STORE if there is no lease.
 */
export async function withWriterLease<T>(
  store: Store,
  work: () => Promise<T>,
  options: LeaseOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const lease = await acquireWriter(store, options)
    let result: T
    try {
      result = await work()
    } catch (error) {
      await lease.release()
      throw error
    }
    if (await lease.release()) return result
    if (attempt === ATTEMPTS)
      throw new LineaprintError('ERR_LINEAPRINT_STORE', 'the lease of its objects was lost each time', {
        path: join(objectsFolder(store), LEASES_FOLDER),
        hint: 'the machine was too busy to renew it, or its clock is wrong',
      })
  }
}

async function acquireWriter(
  store: Store,
  { signal, patience = WRITER_PATIENCE }: LeaseOptions,
): Promise<Lease> {
  const end = performance.now() + patience
  for (;;) {
    const lease = await createLease(store, 'writer')
    if ((await activeLeases(store, 'collector')).length === 0) return lease
    await lease.release()
    await waitForNone(store, 'collector', end, signal)
  }
}

/**
 * Return the lease of a collector, once no writer has one.
 *
 * @throws ERR_LINEAPRINT_STORE if another collector is at work, or writers do not end in time.
 */
export async function acquireCollector(
  store: Store,
  { signal, patience = 60_000 }: LeaseOptions = {},
): Promise<Lease> {
  const lease = await createLease(store, 'collector')
  try {
    if ((await activeLeases(store, 'collector')).length > 1)
      throw new LineaprintError('ERR_LINEAPRINT_STORE', 'another gc is at work in this store', {
        path: store.root,
        hint: 'wait until it has ended, and try again',
      })
    await waitForNone(store, 'writer', performance.now() + patience, signal)
    return lease
  } catch (error) {
    await lease.release()
    throw error
  }
}

async function waitForNone(
  store: Store,
  holder: Holder,
  end: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const [first] = await activeLeases(store, holder)
    if (first === undefined) return
    if (performance.now() > end) {
      const who =
        holder === 'writer' ? 'a run is keeping files in this store' : 'a gc is at work in this store'
      throw new LineaprintError('ERR_LINEAPRINT_STORE', who, {
        path: join(objectsFolder(store), LEASES_FOLDER, first),
        hint: 'wait until it has ended, and try again',
      })
    }
    await sleep(POLL, undefined, signal && { signal })
  }
}

async function createLease(store: Store, holder: Holder): Promise<Lease> {
  const folder = join(objectsFolder(store), LEASES_FOLDER)
  const path = join(folder, `${holder}-${randomHex(8)}-${processMark()}`)
  try {
    await makeFolders(store.root)
    await makeObjectFolders(store, folder)
    await (await open(path, 'wx', 0o600)).close()
  } catch (cause) {
    throw storeError(path, 'no lease can be taken', cause)
  }
  const renewal = setInterval(() => {
    const time = new Date()
    // One that was removed by a collector is not made again.
    utimes(path, time, time).catch(() => undefined)
  }, RENEWAL).unref()
  return {
    isHeld: async () => {
      try {
        await stat(path)
        return true
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
    },
    release: async () => {
      clearInterval(renewal)
      return removed(path)
    },
  }
}

/** Remove a file. Returns whether this call removed it. */
async function removed(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Return the names of the leases of a kind that count. Those that have ended are removed. */
async function activeLeases(store: Store, holder: Holder): Promise<string[]> {
  const folder = join(objectsFolder(store), LEASES_FOLDER)
  const active: string[] = []
  for (const name of await readdir(folder)) {
    const [, kind, mark = ''] = NAME.exec(name) ?? []
    if (kind !== holder) continue
    const path = join(folder, name)
    if (await isActive(path, holder, mark)) active.push(name)
    else await removed(path)
  }
  return active
}

async function isActive(path: string, holder: Holder, mark: string): Promise<boolean> {
  const state = isMarkedAlive(mark)
  if (state === 'gone') return false
  if (state === 'alive' && holder === 'collector') return true
  try {
    // Also one from the future, which nobody renewed since the clock was set back.
    return Math.abs(Date.now() - (await stat(path)).mtimeMs) < EXPIRY
  } catch (error) {
    // It was given up in the meantime.
    if (isMissing(error)) return false
    throw error
  }
}
