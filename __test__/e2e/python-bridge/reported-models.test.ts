/** Models that programs say: what a run made is a result of it, and explains nothing. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffRuns } from '../../../src/diff/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { git } from '../../capture/fixture.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { python } from './support.ts'
import type { RunDiff } from '../../../src/diff/runs.ts'

const SLOW = { timeout: 120_000 }

const SOURCE = `import lineaprint, numpy as np
from safetensors.numpy import load_file, save_file
base = load_file("base.safetensors")
lineaprint.track_model("base.safetensors", "read")
made = {"w": base["w"] * float(os.environ["RATE"])}
save_file(made, "made.safetensors")
lineaprint.track_model("made.safetensors", "written")
lineaprint.track_model(made, "held")`

const fields = ({ differences }: RunDiff): string[] =>
  differences.map(({ cause, field }) => `${cause}: ${field}`)

test(
  'what was read stands among the inputs, what was made or held in memory among the outputs',
  SLOW,
  async () => {
    const root = folderOf({
      'base.safetensors': safetensors({ w: floats([1, 2]) }),
      '.gitignore': 'base.*\n',
    })
    git(root, 'init', '-q')
    const run = async (rate: string): ReturnType<typeof readRun> => {
      const env = { RATE: rate, LINEAPRINT_ENABLE_GIT_TRACKING: 'true' }
      const { folder, stderr, code } = await python(SOURCE, { root, env })
      expect({ stderr, code }).toMatchObject({ code: 0 })
      return readRun(folder)
    }
    // The program is written by the first run.
    await run('1')
    git(root, 'add', '.')
    git(root, 'rm', '-q', '--cached', 'made.safetensors')
    git(root, 'commit', '-q', '-m', 'first')
    const one = await run('1')
    expect(one.record.models).toMatchObject({
      read: { reportedBy: { existed: true } },
      written: { reportedBy: { existed: false } },
      held: { reportedBy: expect.not.objectContaining({ existed: expect.anything() as unknown }) as unknown },
    })
    const two = await run('2')
    const made = ['held.tensors.w', 'held.weights', 'written.tensors.w', 'written.weights']
    const results = made.map((name) => `outputs: models.${name}`)
    const diff = await diffRuns(one, two)
    expect(fields(diff)).toEqual(results)
    expect(diff.firstCause).toBeNull()
    // The file of the first run lay there, with other content, when the third began.
    const three = await run('2')
    const again = await diffRuns(two, three)
    expect(again).toMatchObject({ same: true, firstCause: null })
    expect(again.ignored).toMatchObject([{ detail: 'an output of one of the runs' }])
    writeFileSync(join(root, 'base.safetensors'), safetensors({ w: floats([1, 3]) }))
    const four = await run('2')
    expect(fields(await diffRuns(three, four))).toEqual([
      'model inputs: models.read.tensors.w',
      'model inputs: models.read.weights',
      ...results,
    ])
  },
)
