// `npm run package`: writes to dist-packages/ what would be published: the root package and a package for every
// platform that has its addon here. That is this platform alone, unless all addons were built elsewhere:
//
//   node scripts/package.mjs --prebuilt   native/index.* and npm/*/*.node are there; every platform is demanded
//
// The root is put together in a folder of its own. Only there it depends on the platform packages: here, `npm ci`
// must work before any of them is published.
import { spawnSync } from 'node:child_process'
import {
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
import { addonOf, localPlatform, manifest, packageOf, platforms } from './package-names.mjs'
import { environment, root, run } from './setup.mjs'

const prebuilt = process.argv.includes('--prebuilt')
const output = join(root, 'dist-packages')

if (!prebuilt) buildHere()
const ready = platforms.filter((name) => existsSync(join(root, 'npm', name, addonOf(name))))
const missing = platforms.filter((name) => !ready.includes(name))
if (prebuilt && missing.length > 0) fail(`no addon for ${missing.join(', ')} in npm/`)

const stage = mkdtempSync(join(tmpdir(), 'lineaprint-package-'))
process.on('exit', () => rmSync(stage, { recursive: true, force: true }))
await stageRoot()
for (const name of ready) finishPlatform(join(root, 'npm', name))

rmSync(output, { recursive: true, force: true })
mkdirSync(output)
pack([...ready.map((name) => join(root, 'npm', name)), stage])

/** The addon of this platform, in its package. */
function buildHere() {
  run('npm', ['run', '--silent', 'build:native'])
  // Addons of an earlier version must not be packed as this one.
  rmSync(join(root, 'npm'), { recursive: true, force: true })
  run('napi', ['create-npm-dirs'])
  const name = localPlatform()
  if (!platforms.includes(name)) fail(`there is no package for ${name}`)
  copyFileSync(join(root, 'native', addonOf(name)), join(root, 'npm', name, addonOf(name)))
}

async function stageRoot() {
  // Without source maps: they would point at src/, which is not in the package.
  run('tsc', ['-p', 'tsconfig.build.json', '--outDir', join(stage, 'dist'), '--sourceMap', 'false'])
  await bundleCommand(join(stage, 'dist'))
  for (const entry of ['README.md', 'LICENSE', ...manifest.files]) {
    if (entry === 'dist') continue
    mkdirSync(dirname(join(stage, entry)), { recursive: true })
    cpSync(join(root, entry), join(stage, entry), { recursive: true })
  }
  // What only the repository needs stays there. No script at all is published, so none can run on install.
  const { scripts: _, devDependencies: __, overrides: ___, napi: ____, ...published } = manifest
  published.optionalDependencies = Object.fromEntries(
    platforms.map((name) => [packageOf(name), manifest.version]),
  )
  writeManifest(stage, published)
}

function finishPlatform(folder) {
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  writeManifest(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
}

function writeManifest(folder, contents) {
  const repository = contents.repository ?? repositoryOfWorkflow()
  const full = repository === undefined ? contents : { ...contents, repository }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(full, undefined, 2)}\n`)
}

/** Provenance is refused unless the manifest names the repository that the workflow runs in. */
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
