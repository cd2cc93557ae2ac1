// `npm run package:test`: publish the packages to a registry on loopback, install them as a user would, and
// use them there. Expects dist-packages/ and npm/ as `npm run package` leaves them. Removes everything that
// it created.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  LAUNCHER,
  addonOf,
  hasLauncher,
  localPlatform,
  manifest,
  packageOf,
  platforms,
  tarballOf,
} from './package-names.mjs'
import { listFiles, readManifest } from './pack-test-tarball.mjs'
import { put, runtimeDependencies, startRegistry } from './pack-test-registry.mjs'
import { testRuntimes } from './pack-test-runtimes.mjs'
import { createUser, run } from './pack-test-user.mjs'
import { environment, root } from './setup.mjs'

const here = localPlatform()
const { version } = manifest
const packed = (name) => join(root, 'dist-packages', tarballOf(name))
// npm names files by their real path, and a temporary folder is often reached through a link.
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'lineaprint-pack-test-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

let passed = 0
const started = Date.now()
const registry = await startRegistry(join(folder, 'registry'))
const user = createUser(join(folder, 'user'), registry.url)
const installed = join(user.project, 'node_modules')
const platformFolder = join(installed, packageOf(here))
try {
  await tarballs()
  await publishing()
  await installing()
  const seen = await using()
  await testRuntimes({ check, user, folder, registry: registry.url, expected: seen })
  await failing()
  console.log(`${passed} checks of the packages passed in ${((Date.now() - started) / 1000).toFixed(0)} s`)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await registry.stop()
}

async function check(name, work) {
  try {
    await work()
  } catch (error) {
    throw new Error(`not so: ${name}`, { cause: error })
  }
  passed++
  console.log(`ok  ${name}`)
}

async function tarballs() {
  await check('the root holds the program, the loader and its documents, and nothing else', () => {
    const files = listFiles(packed(manifest.name))
    for (const path of ['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'python/sitecustomize.py'])
      assert.ok(files.includes(path))
    assert.deepEqual(
      files
        .filter(
          (path) => !/^dist\/.*\.(js|d\.ts)$|^dist\/web\/assets\/[\w-]+\.css$|^python\/.*\.py$/.test(path),
        )
        .toSorted(),
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        // The program is CommonJS, and the library modules.
        'dist/cli/package.json',
        // The licences of bundled packages.
        'dist/cli/third-party.txt',
        // Maps between schemes of tensor names, which are data.
        'dist/model/derivation/maps.json',
        // The page, and the licences of the packages in it.
        ...['icon.svg', 'index.html', 'third-party.txt'].map((name) => `dist/web/${name}`),
        'CONTRIBUTING.md',
        ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
        'native/index.d.ts',
        'package.json',
        // The Python package is made from these and its modules.
        ...['LICENSE', 'README.md', 'lineaprint/py.typed', 'pyproject.toml'].map((name) => `python/${name}`),
        'schema/run.schema.json',
      ].toSorted(),
    )
  })
  const launcher = hasLauncher(here) ? [LAUNCHER] : []
  await check(
    'the platform package holds the addon, the launcher and its documents, and nothing else',
    () => {
      assert.deepEqual(
        listFiles(packed(packageOf(here))).toSorted(),
        ['LICENSE', 'README.md', addonOf(here), ...launcher, 'package.json'].toSorted(),
      )
    },
  )
  await check('only the packed root depends on the platform packages, at exactly this version', () => {
    const expected = Object.fromEntries(platforms.map((name) => [packageOf(name), version]))
    assert.deepEqual(readManifest(packed(manifest.name)).optionalDependencies, expected)
    assert.equal(manifest.optionalDependencies, undefined)
  })
  await check('no package has a script', () => {
    for (const name of [manifest.name, packageOf(here)])
      assert.equal(readManifest(packed(name)).scripts, undefined)
  })
}

async function publishing() {
  const publish = join(folder, 'publish')
  const dependencies = join(folder, 'dependencies')
  for (const each of [publish, dependencies]) mkdirSync(each)
  // This machine has no addon for the other platforms. Their packages are published without one, so that npm
  // has to choose.
  const others = platforms.filter((name) => name !== here)
  pack(
    publish,
    others.map((name) => join(root, 'npm', name)),
  )
  for (const name of [manifest.name, packageOf(here)])
    copyFileSync(packed(name), join(publish, tarballOf(name)))
  pack(dependencies, runtimeDependencies())
  for (const file of readdirSync(dependencies)) await put(registry.url, join(dependencies, file))

  await check(
    'the platforms are published first, the root last, and what is there is passed over',
    async () => {
      // Simulate a release that was interrupted.
      await put(registry.url, join(publish, tarballOf(packageOf(others[0]))))
      const script = join(root, 'scripts', 'release-publish.mjs')
      const { code, stdout, stderr } = await user.run('node', script, publish, '--without-provenance')
      assert.equal(code, 0, stderr)
      const expected = [...platforms.map(packageOf), manifest.name].map((name) =>
        name === packageOf(others[0]) ? `already there: ${name}@${version}` : `published ${name}@${version}`,
      )
      assert.deepEqual(stdout.trim().split('\n'), expected)
    },
  )
}

function pack(destination, folders) {
  execFileSync(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination, ...folders],
    {
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
}

async function installing() {
  await check('the user has neither Rust nor the repository', async () => {
    for (const program of ['cargo', 'rustc', 'python3', 'git'])
      await assert.rejects(user.run(program, '--version'), { code: 'ENOENT' })
    for (let at = user.project; at !== dirname(at); at = dirname(at))
      assert.ok(!existsSync(join(at, 'node_modules')), `${at} has node_modules`)
  })
  await check('npm installs it, and of the platforms this one alone', async () => {
    await succeed('npm', 'install', 'lineaprint')
    assert.deepEqual(readdirSync(join(installed, '@lineaprint')), [`binding-${here}`])
  })
  await check('nothing of it runs on install', () => {
    const { packages } = JSON.parse(readFileSync(join(installed, '.package-lock.json'), 'utf8'))
    for (const [path, entry] of Object.entries(packages)) assert.ok(!entry.hasInstallScript, path)
    assert.ok(!existsSync(join(installed, 'lineaprint', 'binding.gyp')))
  })
}

async function using() {
  copyFileSync(join(root, 'scripts', 'pack-test-installed.mjs'), join(user.project, 'check.mjs'))
  let seen
  await check(
    'the library hashes right, a panic is a typed result, and the process ends with 0',
    async () => {
      seen = JSON.parse(await succeed('node', 'check.mjs'))
      assert.equal(seen.version, version)
      assert.equal(seen.panic.code, 'ERR_LINEAPRINT_INTERNAL')
    },
  )
  await check('its digest is that of sha256sum', () => {
    const printed = execFileSync('sha256sum', ['data.bin'], { cwd: user.project, encoding: 'utf8' })
    assert.equal(printed.split(' ')[0], seen.sha256)
  })
  await check('the program says its version, hashes and looks around', async () => {
    assert.equal((await succeed('npx', 'lineaprint', '--version')).trim(), version)
    const [row] = JSON.parse(await succeed('npx', 'lineaprint', 'hash', '-a', 'sha256', '--json', 'data.bin'))
    assert.equal(row.digests.sha256, `sha256:${seen.sha256}`)
    const [first] = JSON.parse(await succeed('npx', 'lineaprint', 'doctor', '--json'))
    assert.deepEqual(first, { name: 'lineaprint', state: 'ok', detail: `${version}, addon for ${here}` })
  })
  await check('doctor says that the addon is missing', async () => {
    const script =
      'NAPI_RS_NATIVE_LIBRARY_PATH=./missing.node node_modules/.bin/lineaprint doctor --json; test $? = 1'
    const [first] = JSON.parse(await succeed('sh', '-c', script))
    assert.equal(first.state, 'problem')
  })
  if (hasLauncher(here)) {
    await check('the program starts a command by the launcher: an ignored signal stays ignored', async () => {
      const findings = JSON.parse(await succeed('npx', 'lineaprint', 'doctor', '--json'))
      assert.equal(findings.find(({ name }) => name === 'launcher').state, 'ok')
      // Not through npx, a Node program, which resets it.
      const script =
        "trap '' USR1; exec node_modules/.bin/lineaprint run -- sh -c 'kill -USR1 $$; echo survived'"
      assert.equal(await succeed('sh', '-c', script), 'survived\n')
    })
  }
  await check('a CommonJS module can import it', async () => {
    write('common.cjs', "import('lineaprint').then(({ VERSION }) => console.log(VERSION))\n")
    assert.equal((await succeed('node', 'common.cjs')).trim(), version)
  })
  await check('its types resolve without the packages of the inside, and are no `any`', async () => {
    write(
      'types.ts',
      "import { hashFile, type FileHash } from 'lineaprint'\n" +
        "const hash: FileHash = await hashFile('data.bin', { algorithm: 'sha256' })\n" +
        '// @ts-expect-error a digest is no number\nexport const wrong: number = hash.digest\n' +
        "export const narrowed: string = (await hashFile('data.bin')).digests.blake3.hex\n",
    )
    const declarations = listFiles(packed(manifest.name)).filter((path) => path.endsWith('.d.ts'))
    for (const path of declarations)
      assert.ok(!/\bzod\b/.test(readFileSync(join(installed, 'lineaprint', path), 'utf8')), path)
    const zod = join(folder, 'zod')
    renameSync(join(installed, 'zod'), zod)
    const types = join(root, 'node_modules', '@types')
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--target',
      'es2023',
      '--module',
      'nodenext',
    ]
    const { code, stdout } = await run(
      'tsc',
      [...options, '--moduleResolution', 'nodenext', '--typeRoots', types, '--types', 'node', 'types.ts'],
      { cwd: user.project, env: environment },
    )
    renameSync(zod, join(installed, 'zod'))
    assert.equal(code, 0, stdout)
  })
  return seen
}

async function failing() {
  write(
    'refused.mjs',
    "const { code, message, cause } = await import('lineaprint').then(() => ({}), (error) => error)\n" +
      'const causes = []\n' +
      'for (let at = cause; at; at = at.cause) causes.push(at.message)\n' +
      'console.log(JSON.stringify({ code, message, causes }))\n',
  )
  await check('an addon of another version is refused', async () => {
    const file = join(installed, 'lineaprint', 'dist', 'core', 'version.js')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, before.replace(version, '999.0.0'))
    const { code, message } = JSON.parse(await succeed('node', 'refused.mjs'))
    writeFileSync(file, before)
    assert.equal(code, 'ERR_LINEAPRINT_ADDON')
    assert.match(message, /version .*\(expected 999\.0\.0, received /)
    assert.ok(message.includes(`received ${version})`), message)
  })
  const aside = join(folder, 'aside')
  let advice
  await check('without its platform package it says what was tried and what to install', async () => {
    renameSync(platformFolder, aside)
    const { code, message, causes } = JSON.parse(await succeed('node', 'refused.mjs'))
    assert.equal(code, 'ERR_LINEAPRINT_ADDON')
    const wanted = packageOf(here)
    assert.ok(
      message.startsWith(
        `the binary for ${here} is missing: tried native/${addonOf(here)} and the package ${wanted}; `,
      ),
      message,
    )
    advice = /run "npm ([^"]+)"/.exec(message)?.[1]
    assert.equal(advice, `install ${wanted}@${version}`)
    assert.ok(
      causes.some((cause) => cause.includes(`Cannot find module '${wanted}'`)),
      causes.join('\n'),
    )
  })
  await check('so does the program, in one line and with exit code 3', async () => {
    const { code, stderr } = await user.run('npx', 'lineaprint', 'hash', 'data.bin')
    assert.equal(code, 3)
    assert.match(stderr, /^lineaprint: the binary for [^\n]+\n$/)
  })
  await check('an addon that the system refuses is called so, with the reason', async () => {
    mkdirSync(platformFolder)
    copyFileSync(join(aside, 'package.json'), join(platformFolder, 'package.json'))
    writeFileSync(join(platformFolder, addonOf(here)), 'no library')
    const { code, message } = JSON.parse(await succeed('node', 'refused.mjs'))
    rmSync(platformFolder, { recursive: true })
    assert.equal(code, 'ERR_LINEAPRINT_ADDON')
    assert.ok(message.startsWith(`the binary for ${here} does not load: `), message)
    assert.ok(message.includes(join(platformFolder, addonOf(here))), message)
  })
  await check('what it says to install repairs it', async () => {
    await succeed('npm', ...advice.split(' '))
    await succeed('node', 'check.mjs')
  })
}

/** Run a program of the user that must succeed. @returns its output */
async function succeed(program, ...args) {
  const { code, stdout, stderr } = await user.run(program, ...args)
  assert.equal(code, 0, `${program} ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`)
  return stdout
}

function write(name, text) {
  writeFileSync(join(user.project, name), text)
}
