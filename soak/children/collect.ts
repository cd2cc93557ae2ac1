/** Collect garbage again and again. Argument: folder of the store. */
import { LineaprintError } from '../../src/core/errors.ts'
import { collectObjects } from '../../src/store/objects/collect.ts'
import { storeIn } from '../../src/store/store.ts'

const [folder = ''] = process.argv.slice(2)
process.stdout.write('ready\n')
for (;;)
  await collectObjects(storeIn(folder), { dryRun: false }).catch((error: unknown) => {
    // A run that is removed meanwhile, and another collection.
    if (!LineaprintError.isFinding(error)) throw error
  })
