// `npm run check:tests`: check that the tests mirror the sources.
//
//   1. A test `__test__/<path>.test.ts` or `__test__/<path>.<aspect>.test.ts` has the source `src/<path>.ts` or
//      `src/<path>/`.
//   2. A unit test neither runs the program nor needs external programs (.peers), directly or through a file
//      that it imports.
//   3. Every test belongs to exactly one project of vitest.config.ts.
//   4. A test that replaces modules is named *.mocked.test.ts: the other unit tests share their modules.
//
// Print every test that breaks a rule.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, posix, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PROJECTS } from '../vitest.config.ts'

/** Folders whose tests belong to no single source, with the reason. */
const WITHOUT_SOURCE = new Map([
  ['e2e', 'whole commands'],
  ['frameworks', 'programs that use real frameworks'],
  ['vectors', 'digests that both languages agree on'],
  ['package', 'what is published'],
  ['soak', 'the rounds of soak/, in short'],
  ['types', 'types alone'],
])

/** The support file that runs the program. */
const PROGRAM = '__test__/support/program.ts'

/** Return one line for each test that breaks a rule. */
export function checkTests() {
  const names = readdirSync('__test__', { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.test.ts'))
    .toSorted((a, b) => (a < b ? -1 : 1))
  return names.flatMap((name) => [
    ...withoutSource(name),
    ...notUnit(name),
    ...notOfOneProject(name),
    ...wronglyMocked(name),
  ])
}

function withoutSource(name) {
  if (WITHOUT_SOURCE.has(name.split('/')[0])) return []
  const [source] = posix.basename(name).split('.')
  const path = posix.join('src', posix.dirname(name), source)
  if (existsSync(`${path}.ts`) || existsSync(path)) return []
  return [`__test__/${name}: there is no source ${path}.ts and no folder ${path}/`]
}

function notUnit(name) {
  const test = posix.join('__test__', name)
  if (!isOf(PROJECTS.unit, test) && !isOf(PROJECTS.mocked, test)) return []
  const files = importedBy(test)
  if (files.has(PROGRAM))
    return [`${test}: a test that runs the program belongs to __test__/e2e (${PROGRAM} is imported)`]
  const peers = [...files].find((file) => readFileSync(file, 'utf8').match(/\.peers\b(?!\.test)/))
  if (peers !== undefined)
    return [`${test}: a test that needs programs of others is named *.peers.test.ts (${peers} names .peers)`]
  return []
}

function isOf({ include, exclude }, test) {
  const matches = (pattern) => posix.matchesGlob(test, pattern)
  return include.some(matches) && !exclude.some(matches)
}

function notOfOneProject(name) {
  const test = posix.join('__test__', name)
  const projects = Object.keys(PROJECTS).filter((project) => isOf(PROJECTS[project], test))
  if (projects.length === 1) return []
  return [`${test}: is of the projects ${projects.join(', ') || 'none'} of vitest.config.ts, not of one`]
}

function wronglyMocked(name) {
  const test = posix.join('__test__', name)
  const isMocking = /\bvi\.(?:doM|m)ock\(/.test(readFileSync(test, 'utf8'))
  if (isMocking === name.endsWith('.mocked.test.ts')) return []
  return [
    isMocking
      ? `${test}: a test that replaces modules (vi.mock) is named *.mocked.test.ts`
      : `${test}: no module is replaced (vi.mock), so it is not named *.mocked.test.ts`,
  ]
}

/** Return a test and every file of __test__ that it imports, directly or indirectly. */
function importedBy(test) {
  const files = new Set([test])
  for (const file of files) {
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) .*?'(\.[^']+)'/gm)) {
      const path = relative('.', resolve(dirname(file), target)).replaceAll('\\', '/')
      // The compiler reports imports of missing files.
      if (path.startsWith('__test__/') && existsSync(path)) files.add(path)
    }
  }
  return files
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkTests()
  for (const problem of problems) console.error(problem)
  console.log(
    problems.length === 0
      ? 'check-tests: every test has its source'
      : `check-tests: ${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}
