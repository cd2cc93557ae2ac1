// `npm run arrows`: check the imports of src/ against scripts/rooms.mjs. Print every import of a later room,
// of a room on the same level or of a room in NEVER, and every import cycle, type imports included.
//
//   node scripts/arrows.mjs          checks
//   node scripts/arrows.mjs --map    prints the map that CONTRIBUTING.md shows
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CRATES, FOLDERS, LEVELS, NEVER } from './rooms.mjs'

const ROOMS = LEVELS.flatMap((level) => Object.keys(level))

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv.includes('--map')) {
    process.stdout.write(roomMap())
  } else {
    const problems = [...checkLists(), ...typescript(), ...rust()]
    for (const problem of problems) console.error(problem)
    console.log(
      problems.length === 0
        ? `arrows: ${ROOMS.length} rooms, every import points one way, no circle`
        : `arrows: ${problems.length} problems`,
    )
    process.exitCode = problems.length === 0 ? 0 : 1
  }
}

/** Return the map of the repository as text, with the existing folders of each room. */
export function roomMap() {
  const lines = ['crates/']
  for (const [name, { purpose }] of Object.entries(CRATES)) lines.push(...entry('  ', `${name}/`, purpose))
  lines.push('src/')
  for (const name of ROOMS) {
    const isFile = existsSync(`src/${name}.ts`)
    const inner = isFile ? [] : foldersOf(join('src', name))
    const purpose = LEVELS.find((level) => name in level)[name]
    lines.push(...entry('  ', isFile ? `${name}.ts` : `${name}/`, purpose))
    if (inner.length > 0) lines.push(...entry('  ', '', `folders: ${inner.join(' ')}`))
  }
  for (const [name, purpose] of Object.entries(FOLDERS)) lines.push(...entry('', `${name}/`, purpose))
  return `${lines.join('\n')}\n`
}

/** Format one entry in lines of at most 110 columns. */
function entry(indent, name, purpose) {
  const head = `${indent}${name}`.padEnd(15)
  const lines = ['']
  for (const word of purpose.split(' ')) {
    const last = lines.at(-1)
    if (last !== '' && 15 + last.length + 1 + word.length > 110) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map((line, index) => `${index === 0 ? head : ' '.repeat(15)}${line}`)
}

function foldersOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((item) => item.isDirectory())
    .map(({ name }) => `${name}/`)
    .toSorted((a, b) => (a < b ? -1 : 1))
}

/** Compare the lists of rooms, crates and folders with the existing ones. */
function checkLists() {
  const problems = []
  const differ = (folder, listed, existing) => {
    for (const name of existing)
      if (!listed.includes(name)) problems.push(`${folder}/${name}: scripts/rooms.mjs does not name it`)
    for (const name of listed)
      if (!existing.includes(name))
        problems.push(`${folder}/${name}: scripts/rooms.mjs names it, and it is not there`)
  }
  differ(
    'src',
    ROOMS,
    readdirSync('src').map((name) => name.replace(/\.ts$/, '')),
  )
  differ('crates', Object.keys(CRATES), readdirSync('crates'))
  for (const name of Object.keys(FOLDERS))
    if (!existsSync(name)) problems.push(`${name}/: scripts/rooms.mjs names it, and it is not there`)
  return problems
}

function levelOf(room) {
  return LEVELS.findIndex((level) => room in level)
}

function roomOf(path) {
  const [first = ''] = relative('src', path).split(/[\\/]/)
  return first.replace(/\.ts$/, '')
}

function typescript() {
  const problems = []
  const files = readdirSync('src', { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
    .toSorted((a, b) => (a < b ? -1 : 1))
  const graph = new Map()
  for (const path of files) {
    const targets = importsOf(path)
    graph.set(
      path,
      targets.filter((target) => target.startsWith('src')),
    )
    for (const target of targets) {
      const problem = arrowProblem(path, target)
      if (problem !== undefined) problems.push(`${path}: ${problem}`)
    }
  }
  for (const circle of circles(graph)) problems.push(`a circle: ${[...circle, circle[0]].join(' -> ')}`)
  return problems
}

/** Return the files that a file imports by a relative path, type imports included. */
function importsOf(path) {
  const matches = readFileSync(path, 'utf8').matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']+)'/g)
  return [...matches].map(([, target]) => relative('.', resolve(dirname(path), target)))
}

function arrowProblem(path, target) {
  const from = roomOf(path)
  if (target.startsWith('native'))
    return from === 'native' ? undefined : "only src/native/load.ts may import the addon's loader"
  if (!target.startsWith('src')) return undefined
  const to = roomOf(target)
  // An unlisted room has already been reported.
  if (to === from || levelOf(from) < 0 || levelOf(to) < 0) return undefined
  if (NEVER[from]?.includes(to)) return `${from} must not import from ${to} (${target})`
  if (levelOf(to) > levelOf(from)) return `${from} imports from ${to}, which is above it (${target})`
  if (levelOf(to) === levelOf(from)) return `${from} imports from ${to}, which is at its side (${target})`
  return undefined
}

/**
 * Return one cycle for each group of files that import each other (Tarjan's strongly connected components).
 */
export function circles(graph) {
  const state = new Map()
  const stack = []
  const cycles = []
  const visit = (node) => {
    const nodeState = { index: state.size, low: state.size, onStack: true }
    state.set(node, nodeState)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      const nextState = state.get(next)
      if (nextState === undefined) nodeState.low = Math.min(nodeState.low, visit(next).low)
      else if (nextState.onStack) nodeState.low = Math.min(nodeState.low, nextState.index)
    }
    if (nodeState.low === nodeState.index) {
      const group = stack.splice(stack.indexOf(node))
      for (const member of group) state.get(member).onStack = false
      if (group.length > 1 || (graph.get(node) ?? []).includes(node))
        cycles.push(shortestCircle(graph, node, new Set(group)))
    }
    return nodeState
  }
  for (const node of graph.keys()) if (!state.has(node)) visit(node)
  return cycles
}

/** Return the shortest path from a file back to itself within its group. */
function shortestCircle(graph, start, group) {
  const before = new Map()
  const queue = [start]
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) {
        const circle = [node]
        while (circle[0] !== start) circle.unshift(before.get(circle[0]))
        return circle
      }
      if (!group.has(next) || before.has(next)) continue
      before.set(next, node)
      queue.push(next)
    }
  }
  return [...group]
}

function rust() {
  const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--format-version=1', '--no-deps', '--locked'], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    }),
  )
  const problems = []
  for (const { name, dependencies } of metadata.packages) {
    const crate = name.replace('lineaprint-', '')
    for (const { name: dependency, kind } of dependencies) {
      if (kind === 'dev') continue
      const target = dependency.replace('lineaprint-', '')
      if (dependency.startsWith('lineaprint-') && !CRATES[crate]?.dependencies.includes(target))
        problems.push(`crates/${crate}: must not depend on crates/${target}`)
      if (dependency.startsWith('napi') && crate !== 'binding')
        problems.push(`crates/${crate}: only crates/binding may name napi`)
    }
  }
  return problems
}
