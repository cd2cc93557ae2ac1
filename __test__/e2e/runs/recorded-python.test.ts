/** Verification of the packages of a virtual environment that is not active, without its interpreter. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'

const env = { VIRTUAL_ENV: '', PYTHONPATH: '', LINEAPRINT_ENABLE_GIT_TRACKING: 'false' }

test(
  'packages of a recorded environment are compared as data, and say what was not seen',
  { timeout: 120_000 },
  async () => {
    const root = folderOf({ 'p.py': 'print(1)\n' })
    execFileSync('python3', ['-m', 'venv', '--without-pip', 'own'], { cwd: root })
    const [version = ''] = readdirSync(join(root, 'own/lib'))
    const site = join(root, 'own/lib', version, 'site-packages')
    const install = (name: string, number: string): void => {
      mkdirSync(join(site, `${name}.dist-info`), { recursive: true })
      writeFileSync(join(site, `${name}.dist-info/METADATA`), `Name: ${name}\nVersion: ${number}\n\n`)
    }
    install('alpha', '1.2')
    install('beta', '3')
    const options = { cwd: root, env }
    expect(await lineaprint(['run', '--name', 'r', '--', './own/bin/python', 'p.py'], options)).toMatchObject(
      { code: 0 },
    )
    const lines = async (...more: string[]): Promise<string[]> =>
      (await lineaprint(['verify', 'r', '--details', ...more], options)).stdout
        .split('\n')
        .filter((line) => line.includes('environment') && !line.startsWith('same'))
    const [said, ...rest] = await lines()
    expect(said).toMatch(
      /^not-checked\tenvironment\tinterpreter\tthe interpreter of this shell is another one: .*as data below/,
    )
    expect(rest).toEqual([])
    install('alpha', '1.3')
    rmSync(join(site, 'beta.dist-info'), { recursive: true })
    install('gamma', '1')
    expect((await lines()).slice(2)).toEqual([
      '\tenvironment\tenvironment\tpython.packages.alpha: 1.2 → 1.3',
      '\tenvironment\tenvironment\tpython.packages.beta: 3 → gone',
      '\tenvironment\tenvironment\tpython.packages.gamma: absent → 1',
    ])
    // Named by the person, it is started.
    const started = await lines('--', './own/bin/python', 'p.py')
    expect(started.filter((line) => line.includes('interpreter'))).toEqual([])
    expect(started).toContain('\tenvironment\tenvironment\tpython.packages.alpha: 1.2 → 1.3')
    renameSync(join(root, 'own'), join(root, 'moved'))
    expect((await lines())[0]).toMatch(/^missing\tenvironment\tinterpreter\t.*own is not there any more/)
  },
)
