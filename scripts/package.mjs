// `npm run package`: write the packages to publish to dist-packages/: the root package, and one for every
// platform whose addon exists here. That is only this platform, unless all addons were built elsewhere:
//
//   node scripts/package.mjs --prebuilt   native/index.*, npm/*/*.node and the launchers in artifacts/ exist; every
//                                         platform is required
//
// Every package is assembled in a folder of its own, so that the repository does not change. Only the
// published root depends on the platform packages: in the repository, `npm ci` must work before any of them
// is published.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleCommand } from './bundle-cli.mjs'
import {
  LAUNCHER,
  addonOf,
  hasLauncher,
  localPlatform,
  manifest,
  packageOf,
  platforms,
  targetOf,
} from './package-names.mjs'
import { keepPublicTypes } from './package-types.mjs'
import { environment, root, run } from './setup.mjs'

const prebuilt = process.argv.includes('--prebuilt')
const output = join(root, 'dist-packages')

const addons = prebuilt ? addonsOfAll() : buildHere()
const missing = platforms.filter((name) => !addons.has(name))
if (prebuilt && missing.length > 0) fail(`no addon for ${missing.join(', ')} in npm/`)

const stage = mkdtempSync(join(tmpdir(), 'lineaprint-package-'))
process.on('exit', () => rmSync(stage, { recursive: true, force: true }))
const rootPackage = await stageRoot(join(stage, 'root'))
const platformPackages = [...addons].map(([name, addon]) => stagePlatform(name, addon))

rmSync(output, { recursive: true, force: true })
mkdirSync(output)
pack([...platformPackages, rootPackage])

/** Return the prebuilt addons by platform. */
function addonsOfAll() {
  const paths = platforms.map((name) => [name, join(root, 'npm', name, addonOf(name))])
  return new Map(paths.filter(([, path]) => existsSync(path)))
}

/** Build the addon of this platform. */
function buildHere() {
  run('npm', ['run', '--silent', 'build:native'])
  const name = localPlatform()
  if (!platforms.includes(name)) fail(`there is no package for ${name}`)
  return new Map([[name, join(root, 'native', addonOf(name))]])
}

async function stageRoot(folder) {
  mkdirSync(folder)
  // First, because it says that the files are modules. Fields that only the repository needs are removed. No script is published, so none can run on install.
  const { scripts: _, devDependencies: __, overrides: ___, napi: ____, ...published } = manifest
  published.optionalDependencies = Object.fromEntries(
    platforms.map((name) => [packageOf(name), manifest.version]),
  )
  writeManifest(folder, published)
  // No source maps: they would refer to src/, which is not in the package.
  run('tsc', ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist'), '--sourceMap', 'false'])
  await bundleCommand(join(folder, 'dist'))
  run('npm', ['run', '--silent', 'build:page', '--', '--outDir', join(folder, 'dist', 'web')])
  keepPublicTypes(join(folder, 'dist'))
  for (const entry of ['README.md', 'LICENSE', ...manifest.files]) {
    if (entry === 'dist') continue
    mkdirSync(dirname(join(folder, entry)), { recursive: true })
    cpSync(join(root, entry), join(folder, entry), { recursive: true })
  }
  return folder
}

/** Assemble the package of a platform from its folder in npm/, its addon and the licence. */
function stagePlatform(name, addon) {
  const folder = join(stage, 'npm', name)
  mkdirSync(folder, { recursive: true })
  for (const file of ['package.json', 'README.md'])
    copyFileSync(join(root, 'npm', name, file), join(folder, file))
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  copyFileSync(addon, join(folder, addonOf(name)))
  if (hasLauncher(name)) {
    copyFileSync(launcherOf(name), join(folder, LAUNCHER))
    // What was uploaded and downloaded in between has lost this.
    chmodSync(join(folder, LAUNCHER), 0o755)
  }
  writeManifest(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  return folder
}

function launcherOf(name) {
  const path = prebuilt
    ? join(root, 'artifacts', `addon-${targetOf(name)}`, LAUNCHER)
    : join(root, 'native', LAUNCHER)
  if (!existsSync(path)) fail(`no launcher for ${name}: ${path} is missing`)
  return path
}

function writeManifest(folder, contents) {
  const repository = contents.repository ?? repositoryOfWorkflow()
  const full = repository === undefined ? contents : { ...contents, repository }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(full, undefined, 2)}\n`)
}

/** Return the repository of the workflow. Provenance is refused unless the manifest names it. */
function repositoryOfWorkflow() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: path } = process.env
  return server && path ? { type: 'git', url: `git+${server}/${path}.git` } : undefined
}

function pack(folders) {
  const result = spawnSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', output, ...folders],
    {
      cwd: root,
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      shell: process.platform === 'win32',
    },
  )
  if (result.status !== 0) process.exit(result.status ?? 1)
  for (const { filename, entryCount, size } of Object.values(JSON.parse(result.stdout)))
    console.log(`dist-packages/${filename}: ${entryCount} files, ${Math.ceil(size / 1024)} KiB`)
  if (missing.length > 0) console.log(`not packed, no addon here: ${missing.join(', ')}`)
}

function fail(message) {
  console.error(`package: ${message}`)
  process.exit(1)
}
