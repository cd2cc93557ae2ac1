/**
 * List a store when a line comes in, which updates its index; print the number of runs.
 *
 * Arguments: folder of the store, and for the control `in-place`: keeps the list in a file that it overwrites
 * in place.
 */
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'

const [folder = '', control] = process.argv.slice(2)
const store = storeIn(folder)
const systemNow = Date.now
// Everything written so far counts as old enough, and goes into the index.
Date.now = () => systemNow() + 60_000

process.stdout.write('ready\n')
await once(process.stdin, 'data')
const { runs } = await listRuns(store)
if (control === 'in-place') {
  const file = openSync(join(store.root, 'list.json'), 'w')
  const text = Buffer.from(JSON.stringify(runs, null, 2))
  for (let at = 0; at < text.length; at += 1024)
    writeSync(file, text, at, Math.min(1024, text.length - at), at)
  closeSync(file)
}
process.stdout.write(`${runs.length}\n`)
process.exit()
