// `npm run check:claims`: check the claims of the documents against the repository. Print every wrong one.
//
//   node scripts/check-claims.mjs           checks
//   node scripts/check-claims.mjs --write   rewrites the generated parts of CONTRIBUTING.md, then checks
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { roomMap } from './arrows.mjs'
import { checkTests } from './check-tests.mjs'
import { manifest } from './package-names.mjs'

const GUIDE = 'CONTRIBUTING.md'
const DEFECTS = 'docs/known-defects-of-peers.md'
const SECURITY = 'docs/security.md'
/** Documents that name versions and commands. */
const DOCUMENTS = [GUIDE, 'README.md', ...filesOf('docs').filter((name) => name.endsWith('.md'))]
/** Smallest number of terms that the glossary must have. */
const GLOSSARY_MINIMUM = 30

const read = (path) => readFileSync(path, 'utf8')

/** Generators of the generated parts of CONTRIBUTING.md, by the name in their markers. */
const GENERATED = {
  map: () => `\`\`\`\n${roomMap()}\`\`\``,
  unsafe: () =>
    filesWithUnsafe()
      .map((path) => `- \`${path}\``)
      .join('\n'),
}

if (process.argv.includes('--write')) writeGenerated()
const problems = [
  ...generatedParts(),
  ...versions(),
  ...commands(),
  ...scriptsNamed(),
  ...pathsNamed(),
  ...packedLinks(),
  ...linksOfDocuments(),
  ...testsNamed(),
  ...attacksNamed(),
  ...glossary(),
  ...checkTests(),
]
for (const problem of problems) console.error(problem)
console.log(
  problems.length === 0
    ? 'check-claims: every claim is true'
    : `check-claims: ${problems.length} are not true`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function partOf(text, name) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`${GUIDE}: there is no part between ${open} and ${close}`)
  return { start: start + open.length, end }
}

function writeGenerated() {
  let text = read(GUIDE)
  for (const [name, make] of Object.entries(GENERATED)) {
    const { start, end } = partOf(text, name)
    text = `${text.slice(0, start)}\n\n${make()}\n\n${text.slice(end)}`
  }
  writeFileSync(GUIDE, text)
}

function generatedParts() {
  const text = read(GUIDE)
  return Object.entries(GENERATED).flatMap(([name, make]) => {
    const { start, end } = partOf(text, name)
    if (text.slice(start, end).trim() === make().trim()) return []
    return [`${GUIDE}: the part "${name}" is out of date: run "npm run check:claims -- --write"`]
  })
}

/** Return the links of the README to files that the published package does not contain. */
function packedLinks() {
  const packed = [...manifest.files, 'README.md', 'LICENSE', 'package.json']
  const links = [...read('README.md').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g)].map(([, path]) => path)
  if (links.length === 0) return ['README.md: no link to a file is found']
  return [...new Set(links)].flatMap((path) => {
    const file = posix.normalize(path)
    if (!existsSync(file)) return [`README.md: links to ${path}, which does not exist`]
    const isPacked = packed.some((entry) => file === entry || file.startsWith(`${entry}/`))
    return isPacked ? [] : [`README.md: links to ${path}, which is not in "files" of package.json`]
  })
}

/** Return the links of the documents that lead to no file of the repository, or to no heading of a document. */
function linksOfDocuments() {
  const headings = new Map()
  const headingsOf = (path) => {
    if (!headings.has(path)) headings.set(path, anchorsOf(read(path)))
    return headings.get(path)
  }
  return [...DOCUMENTS, 'CHANGELOG.md'].flatMap((path) =>
    [...withoutCode(read(path)).matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(
      ([, to, anchor]) => {
        const file = to === '' ? path : posix.normalize(posix.join(posix.dirname(path), to))
        if (!existsSync(file)) return [`${path}: links to ${to}, which does not exist`]
        if (anchor === undefined || !file.endsWith('.md') || headingsOf(file).has(anchor)) return []
        return [`${path}: links to "#${anchor}", and ${file} has no such heading`]
      },
    ),
  )
}

/** Return the anchors of the headings of a document, as pages of repositories and packages name them. */
function anchorsOf(text) {
  const headings = [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)
  return new Set(
    headings.map((heading) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Return a document without its blocks of code, whose lines can look like links and headings. */
function withoutCode(text) {
  return text.replaceAll(/^ *```[^]*?^ *```/gm, '')
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).replaceAll('\\', '/'))
    .toSorted((a, b) => (a < b ? -1 : 1))
}

/** List the files of the crates that allow or contain unsafe code, ignoring comments. */
function filesWithUnsafe() {
  return filesOf('crates').filter((path) => {
    if (!path.endsWith('.rs')) return false
    const code = read(path).replaceAll(/^\s*\/\/.*$/gm, '')
    return /\ballow\(unsafe_code\b|\bunsafe\s*(?:\{|fn\b|impl\b|extern\b|trait\b)/.test(code)
  })
}

/** Return the oldest Node, Rust and Python that the documents may name, each from its authoritative file. */
function versions() {
  const errors = []
  const required = {
    Node: oneOf(manifest.engines.node, /^>=(\d+\.\d+)$/),
    Rust: oneOf(read('Cargo.toml'), /^rust-version = "(\d+\.\d+)"$/m),
    Python: oneOf(read('scripts/python-environment.sh'), /sys\.version_info < \((\d+, \d+)\)/).replace(
      ', ',
      '.',
    ),
  }
  const sources = [...DOCUMENTS, ...filesOf('scripts')]
  for (const path of sources) {
    for (const [claim, name, version] of read(path).matchAll(
      /\b(Node|Rust|Python) (\d+(?:\.\d+)*) or newer/g,
    ))
      if (version !== required[name]) errors.push(`${path}: "${claim}", and it is ${required[name]}`)
  }
  for (const path of [GUIDE, 'README.md']) {
    for (const [name, version] of Object.entries(required))
      if (!read(path).includes(`${name} ${version} or newer`))
        errors.push(`${path}: does not say "${name} ${version} or newer"`)
  }
  // Python programs of a run need a lower version than the tests.
  const bridge = oneOf(read('python/sitecustomize.py'), /sys\.version_info < \((\d+, \d+)\)/).replace(
    ', ',
    '.',
  )
  for (const path of [GUIDE, 'docs/python.md'])
    if (!read(path).includes(`Python ${bridge}`)) errors.push(`${path}: does not say "Python ${bridge}"`)
  const oldest = `node-version: ${required.Node}.0`
  if (!read('.github/workflows/ci.yml').includes(oldest))
    errors.push(`.github/workflows/ci.yml: does not try the packages on the oldest Node ("${oldest}")`)
  return errors
}

function oneOf(text, pattern) {
  const version = pattern.exec(text)?.[1]
  if (version === undefined) throw new Error(`no version is found by ${pattern}`)
  return version
}

/** Return the name of each command of the program: one per file or folder. */
function commands() {
  const help = execFileSync(process.execPath, ['src/cli/main.ts', '--help'], { encoding: 'utf8' })
  const listed = [...help.matchAll(/^ {2}([a-z][a-z-]*) /gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help' && name !== 'lineaprint')
  // Commands that programs start are not in the help.
  const entries = read('src/cli/tree.ts').matchAll(
    /^ {2}'?([a-z-]+)'?: \{\n(?: {4}.*\n)*? {4}isHidden: true/gm,
  )
  const hidden = new Set([...entries].map(([, name]) => name))
  const folder = 'src/cli/commands'
  const files = readdirSync(folder).map((name) => name.replace(/\.ts$/, ''))
  return [
    ...listed.filter((name) => !files.includes(name)).map((name) => `${folder}: nothing is called ${name}`),
    ...files
      .filter((name) => !listed.includes(name) && !hidden.has(name))
      .map((name) => `${folder}/${name}: there is no such command`),
    ...files
      .filter((name, index) => files.indexOf(name) !== index)
      .map((name) => `${folder}/${name}: both a file and a folder`),
  ]
}

/** Check that every `npm run …` in a document is a script of package.json. */
function scriptsNamed() {
  return DOCUMENTS.flatMap((path) =>
    [...read(path).matchAll(/\bnpm run ([\w:]+)/g)]
      .filter(([, name]) => manifest.scripts[name] === undefined)
      .map(([claim]) => `${path}: "${claim}": package.json has no such script`),
  )
}

/** Check that every path named in CONTRIBUTING.md exists. */
function pathsNamed() {
  const paths = [
    ...read(GUIDE).matchAll(/`((?:src|crates|docs|scripts|vectors|python|__test__|\.ci)\/[\w./-]*)`/g),
  ]
  return paths.filter(([, path]) => !existsSync(path)).map(([, path]) => `${GUIDE}: there is no ${path}`)
}

/** Check that every test named in the list of defects exists. */
function testsNamed() {
  return titlesIn(DEFECTS)
}

/** Check the tests that a document names as `path`: "title". */
function titlesIn(document) {
  const named = [...read(document).matchAll(/`(__test__\/[^`]+)`: "([^"]+)"/g)]
  if (named.length === 0) return [`${document}: names no test`]
  return named.flatMap(([, path, title]) => {
    if (!existsSync(path)) return [`${document}: there is no ${path}`]
    return read(path).includes(title) ? [] : [`${document}: ${posix.basename(path)} has no test "${title}"`]
  })
}

/** Check the tests of the attacks: `file: function` in the tests of the formats, and others by their titles. */
function attacksNamed() {
  const text = read(SECURITY)
  const section = text.slice(text.indexOf('## Model files that lie'), text.indexOf('## Secrets'))
  const named = [...section.matchAll(/`(\w+): (\w+)`/g)]
  if (named.length === 0) return [`${SECURITY}: names no test of an attack`]
  const missing = named.flatMap(([, file, name]) => {
    const path = `crates/formats/tests/${file}.rs`
    const isThere = existsSync(path) && read(path).includes(`#[test]\nfn ${name}(`)
    return isThere ? [] : [`${SECURITY}: ${path} has no test ${name}`]
  })
  return [...missing, ...titlesIn(SECURITY)]
}

/** Check that the glossary has distinct terms, and advises against no word that is itself a term. */
function glossary() {
  const text = read(GUIDE)
  const section = text.slice(text.indexOf('## One word for one thing'))
  const rows = [...section.matchAll(/^\| \*\*(.+?)\*\* +\| (.+?) +\| (.*?) *\|$/gm)]
  const terms = rows.map(([, term]) => term)
  const errors = []
  if (terms.length < GLOSSARY_MINIMUM)
    errors.push(`${GUIDE}: the glossary has ${terms.length} terms, fewer than ${GLOSSARY_MINIMUM}`)
  for (const [index, term] of terms.entries())
    if (terms.indexOf(term) !== index) errors.push(`${GUIDE}: the glossary has "${term}" twice`)
  for (const [, term, , avoided] of rows)
    for (const word of avoided.split(', '))
      if (terms.includes(word)) errors.push(`${GUIDE}: "${term}" advises against "${word}", which is a term`)
  return errors
}
