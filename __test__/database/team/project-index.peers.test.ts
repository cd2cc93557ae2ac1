import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TeamAdministration } from '../../../src/database/team/administration.ts'
import { ProjectIndex } from '../../../src/database/team/project-index.ts'
import { projectStore } from '../../../src/server/team/project.ts'
import { isInstalled, startDatabases } from '../../e2e/team/support.ts'
import { folderOf } from '../../support/folder.ts'
import { finished } from '../../tracking/support.ts'

test.skipIf(!isInstalled)(
  'a run that comes while the folders are read is in the next list',
  { timeout: 60_000 },
  async () => {
    const databases = await startDatabases()
    const { address, outage, close } = await administrationOf(await databases.create())
    const store = projectStore(folderOf(), 'vision')
    const index = new ProjectIndex(address, 'vision', store, outage)
    try {
      const listed = async (): Promise<readonly string[]> => {
        const { ids } = await index.order({})
        return ids.slice(0, 100).toSorted()
      }
      const expected: string[] = []
      // At each moment of the reading, once.
      for (let at = 0; at < 12; at++) {
        const id = `run-${String(at).padStart(2, '0')}`
        const run = await finished(folderOf(), { experimentId: id })
        index.invalidate()
        const reading = index.update()
        await new Promise((done) => setTimeout(done, at))
        cpSync(run.folder, join(store.runs, id), { recursive: true })
        index.invalidate()
        await reading
        expected.push(id)
        expect(await listed()).toEqual(expected)
      }
    } finally {
      await index.close()
      await close()
      await databases.stop()
    }
  },
)

async function administrationOf(
  text: string,
): Promise<Pick<TeamAdministration, 'address' | 'outage'> & { close: () => Promise<void> }> {
  const administration = TeamAdministration.open(text)
  await administration.prepare()
  const { address, outage } = administration
  return { address, outage, close: async () => administration.close() }
}
