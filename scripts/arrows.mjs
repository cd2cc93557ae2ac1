// Holds the arrows of the architecture: which room may import from which. Prints every arrow that points back.
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** Rooms of src/ from the ground up; a room may import from rooms below it, and from its own. */
const LEVELS = [
  ['version', 'errors', 'digest', 'sampled', 'json', 'text', 'schema', 'stamp'],
  ['native'],
  ['abort'],
  ['options', 'structured'],
  ['sample'],
  ['hash'],
  ['model', 'dataset'],
  ['manifest'],
  ['capture', 'catalog'],
  ['store', 'export'],
  ['experiment'],
  ['index'],
  ['cli'],
]
/** Arrows within one level that are meant. */
const SIBLINGS = new Set(['export store'])

/** What a crate may depend on within the workspace. */
const CRATES = {
  digest: [],
  formats: [],
  engine: ['digest', 'formats'],
  binding: ['digest', 'engine', 'formats'],
}

const problems = [...typescript(), ...rust()]
for (const problem of problems) console.error(problem)
console.log(
  problems.length === 0 ? 'arrows: every import points one way' : `arrows: ${problems.length} point back`,
)
process.exit(problems.length === 0 ? 0 : 1)

function levelOf(room) {
  return LEVELS.findIndex((level) => level.includes(room))
}

function roomOf(path) {
  const [first = ''] = relative('src', path).split('/')
  return first.replace(/\.ts$/, '')
}

function typescript() {
  const found = []
  for (const name of readdirSync('src', { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const path = join('src', name)
    const from = roomOf(path)
    if (levelOf(from) < 0) found.push(`${path}: the room ${from} has no place in scripts/arrows.mjs`)
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const to = resolve(dirname(path), target)
      if (to.startsWith(resolve('native'))) {
        if (from !== 'native') found.push(`${path}: only src/native/load.ts may import the addon's loader`)
        continue
      }
      const room = roomOf(to)
      if (levelOf(room) > levelOf(from))
        found.push(`${path}: ${from} imports from ${room}, which stands above it`)
      else if (
        levelOf(room) === levelOf(from) &&
        room !== from &&
        levelOf(from) > 0 &&
        !SIBLINGS.has(`${from} ${room}`)
      ) {
        found.push(`${path}: ${from} imports from ${room}, which stands beside it`)
      }
    }
  }
  return found
}

function rust() {
  const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--format-version=1', '--no-deps', '--locked'], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    }),
  )
  const found = []
  for (const { name, dependencies } of metadata.packages) {
    const crate = name.replace('lineaprint-', '')
    for (const { name: dependency, kind } of dependencies) {
      if (kind === 'dev') continue
      const target = dependency.replace('lineaprint-', '')
      if (dependency.startsWith('lineaprint-') && !CRATES[crate]?.includes(target))
        found.push(`crates/${crate}: must not depend on crates/${target}`)
      if (dependency.startsWith('napi') && crate !== 'binding')
        found.push(`crates/${crate}: only crates/binding may name napi`)
    }
  }
  return found
}
