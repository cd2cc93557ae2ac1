/** Completions in real shells, with names of strangers in the store. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { hasShell, homeWithProgram, typedWithTab } from '../support/shell.ts'

const RUNS = [
  { experimentId: 'run-a', experimentName: 'baseline', runName: 'first try', tags: ['keep', 'both'] },
  { experimentId: 'run-b', experimentName: 'evil $(touch pwned)', runName: 'x`touch pwned`', tags: ['both'] },
  { experimentId: 'other-1', experimentName: 'colon:name', runName: 'bell\u0007', tags: ["quote'", 'do"ne'] },
]

/** A store whose runs are in the index, and files. */
async function storeWithIndex(): Promise<string> {
  const root = folderOf({ 'train data.csv': 'x', 'models/a.safetensors': 'x' })
  for (const options of RUNS) await finished(root, options)
  // The index takes runs that have come to rest.
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 10_000)
  await listRuns(storeIn(root))
  vi.restoreAllMocks()
  return root
}

/** Line, and the arguments after the completion. */
const TYPED: readonly (readonly [string, ...string[]])[] = [
  ['lineaprint ver', 'lineaprint', 'verify'],
  ['lineaprint hash --algo', 'lineaprint', 'hash', '--algorithm'],
  ['lineaprint hash --algorithm bl', 'lineaprint', 'hash', '--algorithm', 'blake3'],
  ['lineaprint hash --algorithm=sh', 'lineaprint', 'hash', '--algorithm=sha256'],
  ['lineaprint list --status fin', 'lineaprint', 'list', '--status', 'finished'],
  ['lineaprint show other', 'lineaprint', 'show', 'other-1'],
  ['lineaprint show fir', 'lineaprint', 'show', 'first try'],
  ['lineaprint show @pre', 'lineaprint', 'show', '@previous'],
  ['lineaprint show @l', 'lineaprint', 'show', '@latest'],
  ['lineaprint show kee', 'lineaprint', 'show', 'keep'],
  ['lineaprint list --name base', 'lineaprint', 'list', '--name', 'baseline'],
  ['lineaprint list --name=colon:', 'lineaprint', 'list', '--name=colon:name'],
  ['lineaprint list --tag bo', 'lineaprint', 'list', '--tag', 'both'],
  ['lineaprint show evi', 'lineaprint', 'show', 'evil $(touch pwned)'],
  ['lineaprint show x', 'lineaprint', 'show', 'x`touch pwned`'],
  ['lineaprint show quo', 'lineaprint', 'show', "quote'"],
  ['lineaprint hash tra', 'lineaprint', 'hash', 'train data.csv'],
  ['lineaprint run --model m=mod', 'lineaprint', 'run', '--model', 'm=models/'],
  ['lineaprint run -- true tra', 'lineaprint', 'run', '--', 'true', 'train data.csv'],
  ['lineaprint diff base', 'lineaprint', 'diff', 'baseline'],
]

test('the answers know the place of a word', async () => {
  const root = await storeWithIndex()
  const complete = async (...words: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await lineaprint(['completion', 'bash', '--complete', '--', ...words], {
      cwd: root,
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout.split('\n').slice(0, -1)
  }
  expect(await complete('show', 'run-')).toEqual(['none 0', 'run-b\tevil $(touch pwned)', 'run-a\tbaseline'])
  // A tag of two runs names none; a name that controls a terminal is not offered.
  expect(await complete('show', 'bo')).toEqual(['none 0'])
  expect(await complete('show', 'bell')).toEqual(['none 0'])
  expect(await complete('show', '--output-dir', 'elsewhere', '')).toEqual(['none 0'])
  expect(await complete('run', '--output', 'm=')).toEqual(['files 2'])
  expect(await complete('run', 'python', '--js')).toEqual(['files 0'])
  expect(await complete('run', '')).toEqual(['command 0'])
  expect(await complete('capture', '')).toEqual(['none 0', 'env\t', 'git\t', 'seeds\t'])
  expect(await complete('nothing', '')).toEqual(['none 0'])
  expect(await complete('help', 'reprod')).toEqual([
    'none 0',
    'reproduce\trestore the work tree of a run, run its command again, and compare the outputs',
  ])
  expect((await complete('run', '--')).includes('--complete')).toBe(false)
})

test('a completion executes nothing, writes nothing and is silent, whatever the store is', async () => {
  const root = folderOf({
    'lineaprint.config.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('pwned', '')`,
    '.lineaprint/index-v1-0123456789abcdef.sqlite': 'not a database',
    '.lineaprint/runs': 'not a folder',
  })
  const before = readdirSync(join(root, '.lineaprint'))
  const answer = await lineaprint(['completion', 'bash', '--complete', '--', 'show', ''], { cwd: root })
  expect(answer).toMatchObject({ code: 0, stdout: 'none 0\n', stderr: '' })
  expect(readdirSync(join(root, '.lineaprint'))).toEqual(before)
  expect(existsSync(join(root, 'pwned'))).toBe(false)
})

test.runIf(hasShell('bash'))('bash', async () => {
  const root = await storeWithIndex()
  const env = { ...homeWithProgram(folderOf()), PS1: '$ ' }
  const setUp = `bind 'set bell-style none'; source <(lineaprint completion bash)`
  const answers = typedWithTab(
    ['bash', '--norc', '-i'],
    setUp,
    TYPED.map(([line]) => line),
    root,
    env,
  )
  expect(answers).toEqual(TYPED.map(([, ...words]) => words))
  expect(existsSync(join(root, 'pwned'))).toBe(false)
})

test.runIf(hasShell('zsh'))('zsh', async () => {
  const root = await storeWithIndex()
  const env = { ...homeWithProgram(folderOf()), PS1: '$ ' }
  const setUp = `bindkey -e; unsetopt beep; autoload -Uz compinit && compinit -u; source <(lineaprint completion zsh)`
  const answers = typedWithTab(
    ['zsh', '-f', '-i'],
    setUp,
    TYPED.map(([line]) => line),
    root,
    env,
  )
  // Zsh takes the slash of a folder away again, when the line goes on elsewhere.
  expect(answers).toEqual(TYPED.map(([, ...words]) => words.map((word) => word.replace(/\/$/, ''))))
  expect(existsSync(join(root, 'pwned'))).toBe(false)
})

test.runIf(hasShell('fish'))('fish', async () => {
  const root = await storeWithIndex()
  const home = folderOf()
  const env = homeWithProgram(home)
  writeFileSync(join(home, 'lineaprint.fish'), (await lineaprint(['completion', 'fish'])).stdout)
  for (const [line, ...words] of TYPED) {
    const script = `source ${join(home, 'lineaprint.fish')}; complete -C '${line}'`
    const { stdout, stderr } = spawnSync('fish', ['-c', script], { cwd: root, env, encoding: 'utf8' })
    expect(stderr).toBe('')
    const offered = stdout.split('\n').map((text) => text.split('\t')[0])
    expect(offered, line).toContain(words.at(-1))
  }
  expect(existsSync(join(root, 'pwned'))).toBe(false)
})

test.runIf(hasShell('bash'))(
  'bash puts nothing between quotes that could end them or be expanded',
  async () => {
    const root = await storeWithIndex()
    const env = homeWithProgram(folderOf())
    const replies = (word: string): string[] => {
      const script = `source <(lineaprint completion bash)
      COMP_WORDS=(lineaprint show "$1"); COMP_CWORD=2; COMP_LINE="lineaprint show $1"; COMP_POINT=\${#COMP_LINE}
      _lineaprint; printf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout } = spawnSync('bash', ['-c', script, 'bash', word], { cwd: root, env, encoding: 'utf8' })
      return stdout.trim().split('\n')
    }
    expect(replies('"ev')).toEqual([''])
    expect(replies("'fir")).toEqual(['first try'])
    expect(replies('ev')).toEqual([String.raw`evil\ \$\(touch\ pwned\)`])
  },
)
