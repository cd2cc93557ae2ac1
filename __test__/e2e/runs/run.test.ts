import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { FAST, onlyRun, recordsIn } from './support.ts'
import type { Outcome, ProgramOptions } from '../../support/program.ts'

function run(cwd: string, args: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  return lineaprint(['run', ...args], { ...options, cwd, env: { ...FAST, ...options.env } })
}

/** A program for the command, in the language that is there for sure. */
function node(source: string): string[] {
  return ['--', process.execPath, '-e', source]
}

test('output, input and exit code are those of the command', async () => {
  const root = folderOf()
  const source =
    'process.stdin.on("data", (d) => process.stdout.write("out:" + d)); process.stdin.on("end", () => { console.error("err"); process.exitCode = 5 })'
  const { code, stdout, stderr } = await run(root, node(source), { input: 'hello' })
  expect(code).toBe(5)
  expect(stdout).toBe('out:hello')
  expect(stderr).toMatch(/^err\nlineaprint: run \S+ failed; .*; see "lineaprint show \S+"\n$/)
  const { record, folder } = onlyRun(root)
  expect(record).toMatchObject({
    status: 'failed',
    failure: { message: 'the command ended with code 5' },
    command: {
      wrapped: true,
      exitCode: 5,
      signal: null,
      workingDirectory: root,
      argv: [process.execPath, '-e', source],
    },
  })
  expect(record.command.stdout).toEqual({ status: 'captured', file: 'stdout.log', bytes: 9, keptBytes: 9 })
  expect(readFileSync(join(folder, 'stdout.log'), 'utf8')).toBe('out:hello')
  expect(readFileSync(join(folder, 'stderr.log'), 'utf8')).toBe('err\n')
  expect(record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'stderr.log', 'stdout.log'])
})

test('the time of the command is told apart from that of the run', async () => {
  const root = folderOf()
  const { stderr } = await run(root, node('setTimeout(() => undefined, 300)'))
  const { record } = onlyRun(root)
  const { durationMs: whole } = record
  const { durationMs: command = NaN } = record.command
  expect(command).toBeGreaterThanOrEqual(300)
  expect(command).toBeLessThanOrEqual(whole ?? NaN)
  expect(stderr).toMatch(/finished; the command took .* m?s, the run .* m?s/)
})

test('inputs, outputs, seed, tags and notes are recorded', async () => {
  const root = folderOf({ 'in.csv': 'a,b\n', 'net.safetensors': safetensors({ w: floats([1]) }) })
  const args = [
    '--name',
    'baseline',
    '--dataset',
    'train=in.csv',
    '--model',
    'net=net.safetensors',
    '--output',
    'out=out.txt',
    '--output',
    'gone=missing=1',
    '--seed',
    '42',
    '--tag',
    'a',
    '--tag',
    'b',
    '--note',
    'first try',
  ]
  const source =
    'const { env } = process; require("fs").writeFileSync("out.txt", "x"); console.log(env.PYTHONHASHSEED, env.LINEAPRINT_SEED, env.LINEAPRINT_RUN_ID, require("fs").existsSync(env.LINEAPRINT_RUN_DIRECTORY + "/run.json"))'
  const { code, stdout, stderr } = await run(root, [...args, ...node(source)])
  expect(code).toBe(3)
  const { record } = onlyRun(root)
  expect(stdout).toBe(`42 42 ${record.id} true\n`)
  expect(stderr).toContain(
    'warning: the output "gone" was not recorded: missing=1: there is no such file or folder',
  )
  expect(record).toMatchObject({
    name: 'baseline',
    status: 'failed',
    tags: ['a', 'b'],
    notes: 'first try',
    captures: { seeds: { status: 'captured', value: { seed: 42 } } },
    datasets: { train: { status: 'tracked', path: join(root, 'in.csv') } },
    models: { net: { status: 'tracked', tensorCount: 1 } },
    outputs: { out: { status: 'tracked', bytes: 1 }, gone: { status: 'failed' } },
  })
})

test('the name of a run that got none', async () => {
  const root = folderOf({ 'train.js': '', 'lineaprint.config.json': '{"tags":["from-file"]}' })
  await run(root, ['--', process.execPath, 'train.js', '--epochs', '3'])
  await run(root, ['--', process.execPath, '--version'])
  await run(root, ['--', process.execPath, 'train.js'], { env: { LINEAPRINT_EXPERIMENT_NAME: 'said' } })
  expect(
    recordsIn(root)
      .map(({ name, tags }) => `${name} ${tags.join()}`)
      .toSorted(),
  ).toEqual(['node from-file', 'said from-file', 'train from-file'])
})

test('an input that is missing stops before the command, and the run says so', async () => {
  const root = folderOf()
  const { code, stdout, stderr } = await run(root, ['--dataset', 'd=missing', ...node('console.log("ran")')])
  expect(code).toBe(3)
  expect(stdout).toBe('')
  expect(stderr).toBe('lineaprint: missing: there is no such file or folder\n')
  const { record } = onlyRun(root)
  expect(record).toMatchObject({
    status: 'failed',
    datasets: { d: { status: 'failed' } },
    command: { exitCode: null },
  })
})

/** All captures, some of which wait for the command. */
const WITH_CAPTURES = {
  LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'true',
  LINEAPRINT_ENABLE_GIT_TRACKING: 'true',
}

test.each([
  ['without captures', {}],
  ['with captures', WITH_CAPTURES],
])('a command that cannot be started, %s', { timeout: 60_000 }, async (_, env) => {
  const root = folderOf({ 'data.txt': 'x' })
  const missing = await run(root, ['--', 'no-such-program'], { env })
  expect(missing.code).toBe(3)
  expect(missing.stderr).toMatch(/"no-such-program" could not be started: no such program; /)
  const notExecutable = await run(root, ['--', './data.txt'], { env })
  expect(notExecutable.code).toBe(3)
  expect(notExecutable.stderr).toMatch(/may not be executed/)
  for (const record of recordsIn(root))
    expect(record).toMatchObject({ status: 'failed', failure: { code: 'ERR_LINEAPRINT_COMMAND' } })
})

test.each([
  [[], /missing required argument 'command'/],
  [
    ['--dataset', 'x', '--', 'true'],
    /the option --dataset has an invalid value \(expected NAME=PATH, for example train=data\/train\.csv, received "x"\)/,
  ],
  [['--dataset', '=x', '--', 'true'], /expected NAME=PATH/],
  [['--seed', '-1', '--', 'true'], /expected a whole number/],
  [['--datset', 'x=y', '--', 'true'], /unknown option '--datset'\n?.*Did you mean --dataset/],
  [
    ['--config', 'nothing.json', '--', 'true'],
    /nothing\.json: the configuration cannot be read: there is no such file/,
  ],
  [['--', ''], /no command to run/],
] as const)('case %#: wrong usage is exit code 2 and leaves no run', async (args, message) => {
  const root = folderOf()
  const { code, stdout, stderr } = await run(root, args)
  expect(stderr).toMatch(message)
  expect(stdout).toBe('')
  expect(code).toBe(2)
  expect(existsSync(join(root, '.lineaprint'))).toBe(false)
})

test('--json writes one document, and the output of the command to stderr', async () => {
  const root = folderOf()
  const { code, stdout, stderr } = await run(root, ['--json', ...node('console.log("from the command")')])
  expect(code).toBe(0)
  expect(stderr).toBe('from the command\n')
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'finished',
    exitCode: 0,
    signal: null,
    id: onlyRun(root).record.id,
  })
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const)(
  '%s is passed on',
  { timeout: 20_000 },
  async (signal) => {
    const root = folderOf()
    const source = `process.on("${signal}", () => { console.log("got it"); process.exit(0) }); console.log("ready"); setInterval(() => {}, 1000)`
    const { code, stdout } = await run(root, node(source), { started: (child) => whenReady(child, signal) })
    expect(stdout).toBe('ready\ngot it\n')
    expect(code).toBe(0)
    expect(onlyRun(root).record).toMatchObject({ status: 'finished', command: { exitCode: 0, signal: null } })
  },
)

function whenReady(child: ReturnType<typeof spawn>, signal: NodeJS.Signals): void {
  void once(child.stdout!, 'data').then(() => child.kill(signal))
}

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s that ends the command is recorded', { timeout: 20_000 }, async (signal, expected) => {
  const root = folderOf()
  const source = 'console.log("ready"); setInterval(() => {}, 1000)'
  const { code } = await run(root, node(source), { started: (child) => whenReady(child, signal) })
  expect(code).toBe(expected)
  expect(onlyRun(root).record).toMatchObject({
    status: 'killed',
    failure: { message: `the command was ended by ${signal}` },
    command: { exitCode: null, signal },
  })
})

test('a command that kills itself', async () => {
  const root = folderOf()
  const { code } = await run(root, node('process.kill(process.pid, "SIGKILL")'))
  expect(code).toBe(137)
  expect(onlyRun(root).record).toMatchObject({ status: 'killed', command: { signal: 'SIGKILL' } })
})

test.runIf(process.platform === 'linux')(
  'an interrupt while inputs are digested leaves a run that says so',
  { timeout: 30_000 },
  async () => {
    // A sparse file takes no space and seconds to hash.
    const root = folderOf()
    spawnSync('truncate', ['-s', '64G', join(root, 'big')])
    const { code, stdout, stderr } = await run(root, ['--dataset', 'd=big', ...node('console.log("ran")')], {
      started: (child) =>
        void waitFor(() => existsSync(join(root, '.lineaprint'))).then(() =>
          setTimeout(() => child.kill('SIGINT'), 300),
        ),
    })
    expect(stdout).toBe('')
    expect(stderr).toBe('lineaprint: interrupted\n')
    expect(code).toBe(130)
    expect(onlyRun(root).record).toMatchObject({
      status: 'killed',
      datasets: { d: { status: 'failed', reason: 'stopped by SIGINT' } },
    })
  },
)

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 10))
}

test('a reader that has seen enough ends the command as a pipe does', { timeout: 20_000 }, async () => {
  const root = folderOf()
  const main = resolve('src/cli/main.ts')
  const shell = `"${process.execPath}" --disable-warning=ExperimentalWarning "${main}" run -- yes | head -n 1`
  const { stdout, stderr } = spawnSync('sh', ['-c', shell], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...FAST },
  })
  expect(stdout).toBe('y\n')
  expect(stderr).toMatch(/^lineaprint: run \S+ killed/)
  expect(onlyRun(root).record).toMatchObject({ status: 'killed', command: { signal: 'SIGPIPE' } })
})

test.runIf(process.platform === 'linux')(
  'the command has real pipes: /dev/stdout can be opened',
  async () => {
    const root = folderOf()
    const { code, stdout, stderr } = await run(root, [
      '--',
      'sh',
      '-c',
      'echo out > /dev/stdout; echo err > /dev/stderr',
    ])
    expect(code).toBe(0)
    expect(stdout).toBe('out\n')
    expect(stderr).toMatch(/^err\n/)
  },
)

test(
  'a process that the command leaves running does not keep the run open',
  { timeout: 20_000 },
  async () => {
    const root = folderOf()
    const before = performance.now()
    const { code, stdout } = await run(root, ['--', 'sh', '-c', 'sleep 60 & echo done; echo $! > pid'])
    process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')))
    expect(stdout).toBe('done\n')
    expect(code).toBe(0)
    expect(performance.now() - before).toBeLessThan(15_000)
    expect(onlyRun(root).record.warnings.join()).toMatch(/stdout\.log may be incomplete/)
  },
)

test('secrets in arguments are not recorded', async () => {
  const root = folderOf()
  const secret = 'hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789'
  await run(root, ['--', process.execPath, '-e', '', '--', '--token', secret, `--api-key=${secret}`])
  const { folder } = onlyRun(root)
  for (const name of ['run.json', 'events.jsonl'])
    expect(readFileSync(join(folder, name), 'utf8')).not.toContain(secret)
})

test('a tracker inside the command has a run of its own', async () => {
  const root = folderOf({ 'lineaprint.config.json': '{"experimentId":"outer"}' })
  writeFileSync(
    join(root, 'train.ts'),
    `import { ExperimentTracker } from ${JSON.stringify(resolve('src/tracking/tracker.ts'))}
     const tracker = new ExperimentTracker({ experimentName: 'inner' })
     await tracker.run(() => tracker.logMetric('loss', 1))`,
  )
  const { code, stderr } = await run(root, [
    '--name',
    'outer',
    '--',
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    'train.ts',
  ])
  expect(stderr).toMatch(/run outer finished/)
  expect(code).toBe(0)
  const records = recordsIn(root)
  expect(records.map(({ name, parent }) => `${name} in ${parent}`).toSorted()).toEqual([
    'inner in outer',
    'outer in null',
  ])
})

test('a store that cannot be written stops before the command', async () => {
  const root = folderOf({ '.lineaprint': 'in the way' })
  const { code, stdout, stderr } = await run(root, node('console.log("ran")'))
  expect(code).toBe(3)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/\.lineaprint: .*: a file exists where a folder is needed/)
})

test('--output-dir puts the store elsewhere', async () => {
  const root = folderOf()
  await run(root, ['--output-dir', 'elsewhere/deep', ...node('')])
  expect(onlyRun(join(root, 'elsewhere/deep')).record.status).toBe('finished')
})
