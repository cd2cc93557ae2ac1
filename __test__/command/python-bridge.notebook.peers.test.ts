/** Runs in a live notebook: a kernel of Jupyter, driven cell by cell. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { FAST } from '../e2e/runs/support.ts'
import { BRIDGE } from '../e2e/python-bridge/support.ts'
import { lineaprint } from '../support/program.ts'
import { COMMAND, endedRuns } from '../e2e/python-bridge/standalone.ts'
import type { RunRecord } from '../../src/record/record.ts'

const SLOW = { timeout: 240_000 }
const PYTHON = resolve('.peers/notebook/bin/python')

/** Starts a kernel, executes cells, prints what they show as lines of JSON, and shuts the kernel down. */
const DRIVER = `import json, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
def show(message):
    kind, content = message["msg_type"], message["content"]
    if kind in ("execute_result", "display_data"): print(json.dumps(content["data"]))
    elif kind == "error": print(json.dumps({"error": content["ename"]}))
for cell in json.loads(sys.argv[1]):
    client.execute_interactive(cell, output_hook=show, timeout=120)
manager.shutdown_kernel(now=False)
`

interface Notebook {
  readonly shown: readonly Readonly<Record<string, string>>[]
  readonly runs: readonly { readonly folder: string; readonly record: RunRecord }[]
}

async function notebook(cells: readonly string[]): Promise<Notebook> {
  const root = folderOf()
  writeFileSync(join(root, 'driver.py'), DRIVER)
  const env = { ...process.env, ...FAST, PYTHONPATH: BRIDGE, LINEAPRINT_COMMAND: COMMAND }
  const text = execFileSync(PYTHON, ['driver.py', JSON.stringify(cells)], {
    cwd: root,
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = text.split('\n').filter((line) => line !== '')
  const folders = await endedRuns(root)
  return {
    shown: lines.map((line) => JSON.parse(line) as Record<string, string>),
    runs: folders.map((folder) => ({
      folder,
      record: JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord,
    })),
  }
}

describe.runIf(existsSync(PYTHON))('with a kernel of Jupyter', () => {
  test('a run of a kernel shows itself, has the cells, and ends with the kernel', SLOW, async () => {
    const { shown, runs } = await notebook([
      'import lineaprint',
      'run = lineaprint.start_run(name="<b>")',
      'token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"\nlineaprint.log_metric("<i>", 0.5, 1)',
      'run',
      '1/0',
      'lineaprint.log_metric("later", 1)',
    ])
    expect(runs).toHaveLength(1)
    const [{ folder, record } = { folder: '', record: undefined }] = runs
    // A cell that fails does not end a kernel.
    expect(record).toMatchObject({
      name: '<b>',
      status: 'finished',
      command: { wrapped: false, exitCode: 0 },
    })
    expect(Object.keys(record?.metrics ?? {})).toEqual(['<i>', 'later'])
    expect(shown).toHaveLength(2)
    expect(shown[1]).toEqual({ error: 'ZeroDivisionError' })
    const html = shown[0]?.['text/html'] ?? ''
    expect(html).toContain('&lt;b&gt;')
    expect(html).toContain('&lt;i&gt;')
    expect(html).not.toMatch(/<[bi]>/)
    for (const value of [record?.id, 'running', folder, '0.5']) expect(html).toContain(String(value))
    expect(shown[0]?.['text/plain']).toContain(`lineaprint run ${record?.id}, running`)
    expect(readFileSync(join(folder, 'cells.py'), 'utf8')).toBe(
      [
        '# In [2]\nrun = lineaprint.start_run(name="<b>")\n',
        '# In [3]\ntoken = "<redacted>"\nlineaprint.log_metric("<i>", 0.5, 1)\n',
        '# In [4]\nrun\n',
        '# In [5]\n1/0\n',
        '# In [6]\nlineaprint.log_metric("later", 1)\n\n',
      ].join('\n'),
    )
    // The seal covers the file.
    expect(record?.files.map(({ path }) => path)).toContain('cells.py')
    expect(readdirSync(folder)).toContain('run.json')
  })

  test('below lineaprint run, the cells are those of the run that was joined', SLOW, async () => {
    const root = folderOf()
    writeFileSync(join(root, 'driver.py'), DRIVER)
    const cells = ['import lineaprint', 'run = lineaprint.start_run()', 'x = 1', 'run.finish()', 'y = 1']
    const { code } = await lineaprint(['run', '--', PYTHON, 'driver.py', JSON.stringify(cells)], {
      cwd: root,
      env: FAST,
    })
    expect(code).toBe(0)
    const [folder = '', ...others] = await endedRuns(root)
    expect(others).toEqual([])
    const kernel = readFileSync(join(folder, 'cells.py'), 'utf8').matchAll(/^# In \[(\d+)\]/gm)
    expect([...kernel].map(([, number]) => number)).toEqual(['2', '3', '4'])
  })

  test('a run of each block', SLOW, async () => {
    const { runs } = await notebook([
      'import lineaprint',
      'with lineaprint.start_run(name="one"): lineaprint.log_metric("m", 1)',
      'with lineaprint.start_run(name="two"): raise KeyError("x")',
      'lineaprint.active()',
    ])
    expect(runs.map(({ record }) => [record.name, record.status])).toEqual([
      ['one', 'finished'],
      ['two', 'failed'],
    ])
    const cells = runs.map(({ folder }) => readFileSync(join(folder, 'cells.py'), 'utf8').split('\n')[0])
    expect(cells).toEqual(['# In [2]', '# In [3]'])
  })
})
