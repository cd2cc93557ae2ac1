/** `Math.random` with a seed: in a process, its threads, its cluster and its children. */
import { execFileSync, spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { Generator } from '../../../src/capture/seeds/generator.ts'
import { deriveSeed, parseSeed, seedVariables } from '../../../src/capture/seeds/seed.ts'
import { folderOf } from '../../support/folder.ts'

const ROOM = pathToFileURL(resolve('src/capture/seeds/capture.ts')).href

/** Runs a module of Node and gives its lines. */
function node(source: string, env: Readonly<Record<string, string>> = {}): string[] {
  const path = join(folderOf({ 'program.mjs': source }), 'program.mjs')
  const output = execFileSync(process.execPath, [path], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', ...env },
  })
  return output.trim().split('\n')
}

function preload(seed: number): Record<string, string> {
  return seedVariables(seed, { replaceMathRandom: true })
}

/** What a stream gives first. */
function first(seed: number, stream: number): string {
  return String(new Generator(deriveSeed(seed, [0]), stream).next())
}

test('the main thread, worker threads and children have the streams of the seed', () => {
  const source = `
    import { execFileSync } from 'node:child_process'
    import { Worker, isMainThread } from 'node:worker_threads'
    console.log(Math.random())
    if (isMainThread && process.argv[2] === undefined) {
      for (const options of [{}, { execArgv: [] }])
        await new Promise((done) => new Worker(new URL(import.meta.url), options).on('exit', done))
      process.stdout.write(execFileSync(process.execPath, [process.argv[1], 'child']))
    }`
  const lines = node(source, preload(42))
  expect(lines).toEqual([first(42, 0), first(42, 1), first(42, 2), first(42, 0)])
  expect(new Set(lines).size).toBe(3)
  expect(node(source, preload(43))[0]).toBe(first(43, 0))
})

test('workers of a cluster have streams of their own, by their number', () => {
  const source = `
    import cluster from 'node:cluster'
    import { Worker, isMainThread } from 'node:worker_threads'
    if (!isMainThread) console.log(Math.random())
    else if (cluster.isPrimary) {
      for (let count = 0; count < 2; count++) await new Promise((done) => cluster.fork().on('exit', done))
    } else {
      console.log(Math.random())
      const thread = new Worker(new URL(import.meta.url))
      thread.on('exit', () => process.disconnect())
    }`
  expect(node(source, preload(42))).toEqual([256, 257, 512, 513].map((stream) => first(42, stream)))
})

test('the function is like the one it stands for', () => {
  const source = `
    const { name, length } = Math.random
    const draws = Array.from({ length: 1000 }, () => Math.random())
    console.log(JSON.stringify([name, length, Object.keys(Math), draws.every((x) => x >= 0 && x < 1), new Set(draws).size]))`
  expect(JSON.parse(node(source, preload(1))[0] ?? '')).toEqual(['random', 0, [], true, 1000])
})

test('setSeeds replaces it on request, says so, and its state is captured and restored', () => {
  const source = `
    import { seedsCapture, setSeeds } from ${JSON.stringify(ROOM)}
    import { restoreSeeds } from ${JSON.stringify(ROOM)}
    const before = Math.random
    setSeeds(42)
    console.log(Math.random === before)
    const { targets, variables } = setSeeds(42, { replaceMathRandom: true })
    console.log(targets.find(({ name }) => name === 'Math.random').status, targets.filter(({ name }) => name.includes('Math.random')).length)
    console.log(variables.NODE_OPTIONS.split(' ').at(-1))
    console.log(Math.random())
    setSeeds(42, { replaceMathRandom: true })
    console.log(Math.random())
    const { value } = await seedsCapture.capture({ directory: '/', algorithm: 'blake3' })
    console.log(value.unreachable.join(), Object.keys(value.generators).join())
    const drawn = Math.random()
    restoreSeeds(value)
    console.log(drawn === Math.random())`
  expect(node(source)).toEqual([
    'true',
    'seeded 1',
    `--import=${pathToFileURL(resolve('src/capture/seeds/preload.ts')).href}`,
    first(42, 0),
    first(42, 0),
    'node:crypto Math.random,default',
    'true',
  ])
})

test('without a seed, or with nonsense for one, Node keeps its own', () => {
  for (const seed of ['', 'x', '-1', '1e3', '9007199254740992']) {
    const [drawn] = node('console.log(Math.random())', { ...preload(42), LINEAPRINT_SEED: seed })
    expect(drawn).not.toBe(first(42, 0))
  }
  expect(parseSeed('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
})

test('options of Node that are there stay, and the preload comes once', () => {
  const source = `
    import { seedVariables } from ${JSON.stringify(ROOM)}
    process.env.NODE_OPTIONS = '--max-old-space-size=900'
    process.env.NODE_OPTIONS = seedVariables(1, { replaceMathRandom: true }).NODE_OPTIONS
    console.log(seedVariables(1, { replaceMathRandom: true }).NODE_OPTIONS)`
  const [options = ''] = node(source)
  expect(options.split(' ')[0]).toBe('--max-old-space-size=900')
  expect(options.match(/--import=/g)).toHaveLength(1)
})

test('the Python side derives the same seeds', ({ skip }) => {
  if (spawnSync('python3', ['--version']).error) skip('there is no Python')
  const cases: [number, number[]][] = [
    [0, []],
    [42, [0]],
    [42, [1, 2, 3]],
    [Number.MAX_SAFE_INTEGER, [1 << 21, 65_535]],
  ]
  const script = `import sys, json\nsys.path.insert(0, 'python')\nfrom _lineaprint._process import derive\nprint([derive(seed, path) for seed, path in ${JSON.stringify(cases)}])`
  const output = execFileSync('python3', ['-B', '-c', script], { encoding: 'utf8' })
  expect(JSON.parse(output)).toEqual(cases.map(([seed, place]) => deriveSeed(seed, place)))
})
