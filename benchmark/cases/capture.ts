/** The cost of a run in addition to its command: the captures alone, and all of `lineaprint run`. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEnvironmentCapture } from '../../src/capture/environment/capture.ts'
import { createGitCapture } from '../../src/capture/git/git-capture.ts'
import { runProgram } from '../measure.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** Files of the repository, as in a middle-sized project with its data. */
const FILES = 14_000
const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Commands without work of their own, so that only the overhead remains. */
const COMMANDS: readonly (readonly string[])[] = [['true'], ['python3', '-c', 'pass'], ['node', '-e', '0']]

/**
 * Return the cases. The relevant ratio is that of the other row: the share of `git status` in the git
 * capture.
 */
export function captureCases(inputs: Inputs): Case[] {
  return [
    {
      name: 'capture-git',
      title: `the state of a git work tree of ${FILES.toLocaleString('en')} files, beside git status`,
      prepare: async () => {
        const root = repository(inputs.directory, FILES)
        const files = join(inputs.directory, 'git-files')
        const own = contestant('lineaprint git capture', 'ours', false, async () => {
          const context = { directory: root, algorithm: 'blake3', filesDirectory: files } as const
          const { value } = await createGitCapture().capture(context)
          rmSync(files, { recursive: true, force: true })
          if (value['clean'] !== true) throw new Error('the work tree should be clean')
        })
        const args = ['-C', root, 'status', '--porcelain=v2', '-z', '--untracked-files=all']
        const git = contestant('git status', 'peer', true, () => runProgram('git', args))
        return { bytes: 0, contestants: [own, git], missing: [] }
      },
    },
    {
      name: 'capture-environment',
      title: 'the environment of this repository, all sources',
      prepare: async () => {
        const directory = fileURLToPath(new URL('../..', import.meta.url))
        const capture = createEnvironmentCapture()
        const own = contestant('lineaprint environment capture', 'ours', true, () =>
          capture.capture({ directory, algorithm: 'blake3' }),
        )
        const python = contestant('python3 -c pass', 'part', true, () =>
          runProgram('python3', ['-c', 'pass']),
        )
        return { bytes: 0, contestants: [own, python], missing: [] }
      },
    },
    ...COMMANDS.map((argv): Case => ({
      name: `run-${argv[0] ?? ''}`,
      title: `lineaprint run -- ${argv.join(' ')}, in a repository of 20 files`,
      prepare: async () => {
        if (!existsSync(PROGRAM)) throw new Error('dist/ is missing; run "npm run build:typescript"')
        const root = repository(inputs.directory, 20)
        const [program = '', ...args] = argv
        const own = contestant(`lineaprint run -- ${argv.join(' ')}`, 'ours', true, async () => {
          const wrapped = ['-C', root, process.execPath, PROGRAM, 'run', '--', ...argv]
          await runProgram('env', wrapped, true, 'ignore')
        })
        // The file that users start is a shell script first.
        const installed = contestant('the installed command', 'ours', true, async () => {
          await runProgram('env', ['-C', root, PROGRAM, 'run', '--', ...argv], true, 'ignore')
        })
        const alone = contestant(argv.join(' '), 'peer', true, () => runProgram(program, args, true))
        // The least that a program of Node takes.
        const node = contestant('node -e 0', 'part', true, () =>
          runProgram(process.execPath, ['-e', '0'], true),
        )
        const contestants = program === 'node' ? [own, installed, alone] : [own, installed, alone, node]
        return { bytes: 0, contestants, missing: [] }
      },
    })),
  ]
}

function contestant(
  name: string,
  role: Contestant['role'],
  child: boolean,
  work: () => Promise<unknown>,
): Contestant {
  return {
    name,
    role,
    child,
    run: async () => {
      await work()
      return undefined
    },
  }
}

/** Create a repository with one commit, in which git ignores the runs of `lineaprint`. */
function repository(parent: string, files: number): string {
  const root = mkdtempSync(join(parent, 'repository-'))
  const git = (...args: readonly string[]): void => {
    execFileSync('git', ['-C', root, ...args], { stdio: 'ignore' })
  }
  git('init', '-q')
  for (let index = 0; index < files; index++) {
    const folder = join(root, `part-${index % 140}`, `group-${index % 7}`)
    if (index < 980) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `item-${index}.txt`), `item ${index}\n`)
  }
  git('add', '-A')
  git('-c', 'user.name=bench', '-c', 'user.email=bench@example.org', 'commit', '-q', '-m', 'files')
  // The first status refreshes the index of git.
  git('status')
  return root
}
