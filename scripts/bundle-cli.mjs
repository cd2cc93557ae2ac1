// Bundle the program `lineaprint` and its packages into few files. A run loads them first, and finding nearly
// four hundred modules took longer than running them. The library stays as tsc wrote it.
//
// What `hash` needs is in three files, and what a run needs beyond it in two: each file more costs about half a millisecond.
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

const MODULES = resolve(import.meta.dirname, '../node_modules')

const MANIFEST = resolve(import.meta.dirname, '../package.json')
const LAUNCHER = resolve(import.meta.dirname, '../src/cli/launcher.sh')

/**
 * Modules that stay outside the bundle: they are rarely loaded, or are found by their path in node_modules.
 */
const EXTERNAL = [/native\/index\.js$/, 'smol-toml', 'systeminformation']

/**
 * Replace `cli/` of a compiled package by its bundle: `main.js`, and `chunks/` with the modules that commands
 * load. From there, as from `command/python-bridge/`, the root of the package is three folders up.
 *
 * @param dist The folder that tsc wrote.
 */
export async function bundleCommand(dist) {
  const cli = resolve(dist, 'cli')
  const bundle = await rolldown({
    input: {
      main: join(cli, 'main.js'),
      // Node programs of a command load this file by its path.
      'chunks/preload': resolve(dist, 'capture', 'seeds', 'preload.js'),
    },
    platform: 'node',
    // The folder may be outside the repository, where no parent folder has the packages.
    resolve: { modules: ['node_modules', MODULES] },
    external: EXTERNAL,
    onLog: (level, log) => {
      throw new Error(`bundle-cli: ${level}: ${log.message}`)
    },
  })
  const { output } = await bundle.generate({
    dir: cli,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: await groups(cli) },
    // The path is relative to `cli/`; files in `chunks/` get one more parent folder.
    paths: (id) => (id.endsWith('native/index.js') ? '../../native/index.js' : id),
  })
  if (output.some(({ fileName, code }) => !fileName.includes('/') && code.includes('native/index.js')))
    throw new Error('bundle-cli: the addon is imported from a place that cannot find it')
  await bundle.close()
  // All modules are in memory now, so their files can be replaced.
  for (const name of readdirSync(cli))
    if (!name.endsWith('.d.ts')) rmSync(join(cli, name), { recursive: true })
  mkdirSync(join(cli, 'chunks'))
  for (const { fileName, code } of output)
    writeFileSync(join(cli, fileName), withLauncher(fileName, withoutFacades(code)))
  const modules = output.flatMap(({ moduleIds }) => moduleIds)
  writeFileSync(join(cli, 'third-party.txt'), licenses(modules))
  chmodSync(join(cli, 'main.js'), 0o755)
}

/** Return the groups of modules that are loaded together, each as one file. */
async function groups(cli) {
  const starts = [
    ['inherited', ['../command/launcher/inherited.js']],
    ['shared', ['program.js']],
    ['digests', ['commands/hash/hash.js']],
    ['early', ['commands/run/early.js']],
    ['tracking', ['commands/run/run.js']],
  ]
  // It waits for what it loads, so nothing of that may be in one file with it.
  const grouped = new Set([join(cli, 'program.js')])
  const found = []
  for (const [name, entries] of starts) {
    const reached = await reachedFrom(entries.map((entry) => join(cli, entry)))
    if (name === 'shared' && reached.has(resolve(cli, '../native/load.js')))
      throw new Error('bundle-cli: program.js needs the addon, so nobody would report that it is missing')
    // The modules of the groups before are loaded by then.
    const own = new Set([...reached].filter((id) => !grouped.has(id)))
    for (const id of own) grouped.add(id)
    found.push({ name, test: (id) => own.has(id) })
  }
  return found
}

/** Return the modules that are loaded with these, without those that are loaded later, when they are needed. */
async function reachedFrom(entries) {
  const links = new Map()
  const bundle = await rolldown({
    input: entries,
    platform: 'node',
    resolve: { modules: ['node_modules', MODULES] },
    external: EXTERNAL,
    plugins: [{ name: 'links', moduleParsed: ({ id, importedIds }) => void links.set(id, importedIds) }],
  })
  await bundle.generate({ format: 'esm' })
  await bundle.close()
  const reached = new Set(entries)
  for (const id of reached) for (const next of links.get(id) ?? []) if (links.has(next)) reached.add(next)
  return reached
}

/**
 * Put the shell launcher and the check of Node before the program. A shell runs the launcher, JavaScript sees a comment: so
 * one file is both, and finds itself through links.
 */
function withLauncher(fileName, code) {
  const node = '#!/usr/bin/env node\n'
  if (fileName !== 'main.js') return code
  if (!code.startsWith(node)) throw new Error('bundle-cli: main.js does not begin with its interpreter')
  const launcher = readFileSync(LAUNCHER, 'utf8')
  if (launcher.includes('*/')) throw new Error('bundle-cli: the launcher ends the comment that it is in')
  // It would be loaded before the check.
  if (/^import /m.test(code)) throw new Error('bundle-cli: main.js imports a file before it checks Node')
  return `#!/usr/bin/env sh\n':' /*\n${launcher}*/\n${versionCheck()}${code.slice(node.length)}`
}

/** Return the statement that ends the program on a Node that is too old for the rest of it. */
function versionCheck() {
  const { engines } = JSON.parse(readFileSync(MANIFEST, 'utf8'))
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? []
  if (minor === undefined) throw new Error(`bundle-cli: no version in ${engines.node}`)
  return `{
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major < ${major} || (major === ${major} && minor < ${minor})) {
		console.error("lineaprint: Node ${major}.${minor} or newer is needed; this is " + process.versions.node + ", " + process.execPath);
		process.exit(3);
	}
}
`
}

/**
 * Replace each import of a built-in module by a call of `process.getBuiltinModule`.
 *
 * For an import, Node reads every export of the module, also those that it makes at the first access:
 * `process.stdin`, which opens descriptor 0, and the streams and web classes of others. A call reads only what is used.
 */
function withoutFacades(code) {
  return code.replaceAll(/^import (.*?) from "(node:[a-z_/]+)";$/gm, (line, bindings, id) => {
    const [, whole, list] = /^([\w$]+)?(?:, )?(\{.*\})?$/.exec(bindings) ?? []
    if (whole === undefined && list === undefined) throw new Error(`bundle-cli: unknown form: ${line}`)
    const get = `process.getBuiltinModule("${id}")`
    if (list?.match(/\bstdin\b/))
      throw new Error(
        `bundle-cli: reading stdin opens descriptor 0; use process.stdin where it is read: ${line}`,
      )
    // The module that is named `process` is the global of that name.
    const own = whole === undefined || whole === 'process' ? [] : [`const ${whole} = ${get};`]
    return [
      ...own,
      ...(list === undefined ? [] : [`const ${list.replaceAll(/ as /g, ': ')} = ${get};`]),
    ].join(' ')
  })
}

/** Return the licences of the bundled packages, which require that their text is distributed with them. */
function licenses(modules) {
  const folders = new Set(
    modules.flatMap(
      (id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0] ?? [],
    ),
  )
  const texts = [...folders]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].find((fileName) =>
        existsSync(join(folder, fileName)),
      )
      if (file === undefined) throw new Error(`bundle-cli: ${name} has no license text`)
      return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
    })
  return `The program lineaprint contains these packages:\n\n${texts.join('\n----\n\n')}`
}
