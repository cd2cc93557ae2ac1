// Bundle the program `lineaprint` and its packages into few files. A run loads them first, and finding nearly
// four hundred modules took longer than running them. The library stays as tsc wrote it.
//
// What `hash` of small files needs is in three files, and every command is in few: each file more costs about half a
// millisecond. They are CommonJS, which Node loads in less time than modules.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

const MODULES = resolve(import.meta.dirname, '../node_modules')

const MANIFEST = resolve(import.meta.dirname, '../package.json')
const LAUNCHER = resolve(import.meta.dirname, '../src/cli/launcher.sh')

/**
 * Modules that stay outside the bundle: they are rarely loaded or optional, or are found by their path in node_modules.
 */
const EXTERNAL = ['@resvg/resvg-js', 'pg', 'smol-toml', 'systeminformation']

/** The name by which the bundle requires {@link bundleProtocol}. */
const PROTOCOL = 'lineaprint:protocol'

/**
 * Replace `cli/` of a compiled package by its bundle: `main.js`, and `chunks/` with the modules that commands
 * load. From there, as from `command/python-bridge/`, the root of the package is three folders up.
 *
 * @param dist The folder that tsc wrote.
 */
export async function bundleCommand(dist) {
  const cli = resolve(dist, 'cli')
  // That of the last bundle; the files of tsc are modules.
  rmSync(join(cli, 'package.json'), { force: true })
  const bundle = await rolldown({
    input: {
      main: join(cli, 'main.js'),
      // Node programs of a command load this file by its path.
      'chunks/preload': resolve(dist, 'capture', 'seeds', 'preload.js'),
    },
    platform: 'node',
    // The folder may be outside the repository, where no parent folder has the packages.
    resolve: { modules: ['node_modules', MODULES] },
    external: [...EXTERNAL, PROTOCOL],
    plugins: [packageOfBundle, protocolApart],
    // Every other warning ends the build, but a machine may be slow.
    checks: { pluginTimings: false },
    onLog: (level, log) => {
      throw new Error(`bundle-cli: ${level}: ${log.message}`)
    },
  })
  const { output } = await bundle.generate({
    dir: cli,
    format: 'cjs',
    // Half of the text, which Node reads and checks at every start. The licences are in a file of their own.
    comments: false,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: await groups(cli) },
  })
  await bundle.close()
  const protocol = await bundleProtocol(cli)
  // All modules are in memory now, so their files can be replaced.
  for (const name of readdirSync(cli))
    if (!name.endsWith('.d.ts')) rmSync(join(cli, name), { recursive: true })
  mkdirSync(join(cli, 'chunks'))
  const files = [...withOneFileLess(output), protocol].map(({ fileName, code }) => ({
    fileName,
    code: withoutWideCharacters(withLateBuiltins(fileName, code)),
  }))
  withProtocol(files)
  const build = digestOf(files.filter(({ fileName }) => fileName.startsWith('chunks/')))
  for (const { fileName, code } of files)
    writeFileSync(
      join(cli, fileName),
      fileName === 'main.js' ? withLauncher(withCompiledChunks(code, build)) : code,
    )
  const modules = [...output, protocol].flatMap(({ moduleIds }) => moduleIds)
  // Files of CommonJS are loaded in half the time, and the package is one of modules.
  writeFileSync(join(cli, 'package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(join(cli, 'third-party.txt'), licenses(modules))
  chmodSync(join(cli, 'main.js'), 0o755)
}

/** Leave the SDK of the Model Context Protocol out of the bundle. */
const protocolApart = {
  name: 'protocol-apart',
  resolveId: {
    filter: { id: /^\.\/protocol\.js$/ },
    handler: (_, importer) =>
      importer?.replaceAll('\\', '/').endsWith('/cli/commands/mcp/serve.js')
        ? { id: PROTOCOL, external: true }
        : undefined,
  },
}

/**
 * Bundle the SDK of the Model Context Protocol, with a copy of what it shares with the program. In one bundle, the files that
 * every run loads would have what the SDK alone uses of zod.
 */
async function bundleProtocol(cli) {
  const bundle = await rolldown({
    input: { protocol: join(cli, 'commands/mcp/protocol.js') },
    platform: 'node',
    resolve: { modules: ['node_modules', MODULES] },
  })
  const { output } = await bundle.generate({ dir: cli, format: 'cjs', comments: false, minify: true })
  await bundle.close()
  const [file, ...others] = output
  if (others.length > 0) throw new Error('bundle-cli: the protocol is more than one file')
  return { fileName: 'chunks/protocol.js', code: file.code, moduleIds: file.moduleIds }
}

/** Have the command `mcp` require the bundle of the protocol, which is beside it. */
function withProtocol(files) {
  const using = files.filter(({ code }) => code.includes(PROTOCOL))
  const [file] = using
  if (using.length !== 1 || !file.fileName.startsWith('chunks/'))
    throw new Error(`bundle-cli: not one chunk requires ${PROTOCOL}`)
  file.code = replacedOnce(file.code, `require("${PROTOCOL}")`, 'require("./protocol.js")')
}

/** Correct the folder of the package, which is relative to the file that names it: in the bundle that is one folder deeper. */
const packageOfBundle = {
  name: 'package-of-bundle',
  transform(code, id) {
    if (!id.endsWith('/util/own-package.js')) return undefined
    if (!code.includes("ROOT = '../..'"))
      throw new Error('bundle-cli: nothing names the folder of the package')
    return code.replace("ROOT = '../..'", "ROOT = '../../..'")
  },
}

/** Return the groups of modules that are loaded together, each as one file. */
async function groups(cli) {
  // What the program and `doctor` need is in no file with the addon: they report that it is missing.
  const program = await reachedFrom([join(cli, 'program.js')])
  const small = await reachedFrom(
    ['commands/hash/small.js', '../hash/file.js'].map((entry) => join(cli, entry)),
  )
  const doctor = await reachedFrom([join(cli, 'commands/doctor.js')])
  if ([program, doctor].some((reached) => reached.has(resolve(cli, '../native/load.js'))))
    throw new Error(
      'bundle-cli: the program or doctor needs the addon, so nobody would report that it is missing',
    )
  const withoutAddon = program.union(doctor)
  // It is in a file of its own.
  withoutAddon.delete(join(cli, 'commands/doctor.js'))
  const run = await reachedFrom([join(cli, 'commands/run/run.js')])
  const starts = [
    [
      'base',
      [resolve(cli, '../command/launcher/inherited.js'), ...[...small].filter((id) => withoutAddon.has(id))],
    ],
    ['small', [...small]],
    ['shared', [...withoutAddon]],
    ['digests', (await reachedFrom([join(cli, 'commands/hash/hash.js')])).intersection(run)],
    ['early', await reachedFrom([join(cli, 'commands/run/early.js')])],
    // Only the page describes its API.
    ['tracking', [...run].filter((id) => !/zod\/v4\/core\/(?:to-json-schema|json-schema-\w+)\.js$/.test(id))],
  ]
  // Modules of the groups before are loaded by then.
  const grouped = new Set()
  return starts.map(([name, ids]) => {
    const own = new Set(Array.from(ids).filter((id) => !grouped.has(id)))
    for (const id of own) grouped.add(id)
    return { name, test: (id) => own.has(id) }
  })
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

/** Move the helpers of the bundler to the file that is always loaded first. The bundler leaves them in one of their own. */
function withOneFileLess(output) {
  const helpers = output.find(({ fileName }) => fileName === 'chunks/rolldown-runtime.js')
  const request = 'require("./rolldown-runtime.js")'
  return output
    .filter((file) => file !== helpers)
    .map(({ fileName, code }) => {
      const isBase = fileName === 'chunks/base.js'
      const moved = code.replace(request, isBase ? 'exports' : 'require("./base.js")')
      return { fileName, code: isBase ? `${helpers.code}${moved}` : moved }
    })
}

/**
 * Write characters beyond ASCII as escapes: a text with one of them takes twice the space in memory, and Node reads it in
 * twice the time.
 */
function withoutWideCharacters(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function digestOf(files) {
  const hash = createHash('sha256')
  for (const { fileName, code } of files.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1)))
    hash.update(`${fileName}\0${code}\0`)
  return hash.digest('hex').slice(0, 16)
}

/** Have the program load its chunks with the code of an earlier start. */
function withCompiledChunks(code, build) {
  return replacedOnce(
    replacedOnce(code, 'require("./chunks/shared.js")', 'chunks.load(require, "./chunks/shared.js")'),
    'BUILD = "unbundled"',
    `BUILD = "${build}"`,
  )
}

function replacedOnce(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`bundle-cli: a file does not have once ${from}`)
  return text.replace(from, to)
}

/**
 * Put the shell launcher and the check of Node before the program. A shell runs the launcher, JavaScript sees a comment: so
 * one file is both, and finds itself through links.
 */
function withLauncher(code) {
  const node = '#!/usr/bin/env node\n'
  if (!code.startsWith(node)) throw new Error('bundle-cli: main.js does not begin with its interpreter')
  const launcher = readFileSync(LAUNCHER, 'utf8')
  if (launcher.includes('*/')) throw new Error('bundle-cli: the launcher ends the comment that it is in')
  // It would be loaded before the check.
  if (/^[^\t/].*\brequire\(/m.test(code))
    throw new Error('bundle-cli: main.js imports a file before it checks Node')
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
 * Load each built-in module where it is used first, and not with the file.
 *
 * Together those of `hash` take as long as everything else that it loads, and it needs few of them. The parentheses are for
 * `new`, which would take the call as its own.
 */
function withLateBuiltins(fileName, code) {
  const names = []
  const late = code.replaceAll(
    /^let ([\w$]+) = require\("(node:[a-z_/]+)"\);\n(?:\1 = [\w$.]+\(\1, 1\);\n)?/gm,
    (_, name, id) => {
      names.push(name)
      return `let ${name}$late; const ${name}$ = () => ${name}$late ??= process.getBuiltinModule("${id}");\n`
    },
  )
  return names.reduce((text, name) => {
    const used = text.replaceAll(
      new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}\\.(default(?![\\w$]))?`, 'g'),
      (_, whole) => `(${name}$())${whole === undefined ? '.' : ''}`,
    )
    if (new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(used))
      throw new Error(`bundle-cli: ${fileName} uses ${name} in an unknown form`)
    return used
  }, late)
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
