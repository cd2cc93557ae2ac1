// The part of the test of the packages that uses other runtimes, other package managers and bundlers. docs/runtimes.md says
// what is tested here.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { run } from './pack-test-user.mjs'
import { environment, root } from './setup.mjs'
import { setupRuntimes } from './setup-runtimes.mjs'

/** What Deno has to allow. */
const PERMISSIONS = ['read', 'write', 'env', 'sys', 'run', 'ffi'].map((name) => `--allow-${name}`)

/** Settings of Yarn: everything below the folder of the test, and the registry of the test. */
const yarnSettings = (folder, registry) => `nodeLinker: pnp
enableTelemetry: false
enableGlobalCache: false
globalFolder: ${JSON.stringify(join(folder, 'yarn-global'))}
npmRegistryServer: ${JSON.stringify(registry)}
unsafeHttpWhitelist: ['127.0.0.1']
npmMinimalAgeGate: 0
`

/**
 * Use the installed package in every runtime.
 *
 * @param project The folder of the user, with the package and data.bin.
 * @param expected Version and digest of data.bin.
 */
export async function testRuntimes({ check, user, folder, registry, expected }) {
  const tools = setupRuntimes()
  const { project } = user
  // A runtime starts programs in its own way; git is one that every run starts.
  const bin = join(folder, 'bin-of-runtimes')
  mkdirSync(bin)
  symlinkSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(bin, 'git'))
  const env = {
    ...user.env,
    PATH: `${user.env.PATH}${delimiter}${bin}`,
    DENO_DIR: join(folder, 'deno'),
    COREPACK_ENABLE_STRICT: '0',
  }
  const succeed = async (cwd, program, ...args) => {
    const { code, stdout, stderr } = await run(program, args, { cwd, env })
    assert.equal(code, 0, `${program} ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`)
    return stdout
  }
  const whole = {
    version: expected.version,
    digest: expected.digest,
    tracked: expected.digest,
    status: 'finished',
    environment: 'captured',
    runtime: process.versions.node,
    commit: makeRepository(project),
    refused: 'ERR_LINEAPRINT_NOT_FOUND',
  }
  const same = (output, wanted = whole) => assert.deepEqual(JSON.parse(output), wanted)

  copyFileSync(join(root, 'scripts', 'pack-test-program.mjs'), join(project, 'program.mjs'))
  writeFileSync(join(project, 'required.cjs'), "console.log(require('lineaprint').VERSION)\n")

  await check('require() has it, on the Node of the tests and on the oldest, without a warning', async () => {
    for (const node of ['node', tools.node22]) {
      const { code, stdout, stderr } = await run(node, ['required.cjs'], { cwd: project, env })
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${expected.version}\n`, stderr: '' })
    }
  })
  await check('a program tracks a run on both', async () => {
    same(await succeed(project, 'node', 'program.mjs'))
    same(await succeed(project, tools.node22, 'program.mjs'), { ...whole, runtime: '22.13.1' })
  })
  await check('two worker threads track runs at the same time', async () => {
    same(await succeed(project, 'node', 'program.mjs', 'worker'), [whole, whole])
  })
  await check('a Node that is too old gets one sentence, from import and from require()', async () => {
    const programs = [
      ['--input-type=module', '-e', "import('lineaprint').catch(({ message }) => console.log(message))"],
      ['-e', "try { require('lineaprint') } catch ({ message }) { console.log(message) }"],
    ]
    for (const args of programs) {
      const stdout = await succeed(project, tools.node20, ...args)
      assert.match(stdout, /^Node 22\.13 or newer is needed; this is 20\.19\.0, \S+\n$/)
    }
  })
  await check('the oldest Node says what a configuration in TypeScript needs', async () => {
    const own = join(project, 'typescript')
    mkdirSync(own)
    writeFileSync(join(own, 'lineaprint.config.ts'), "export default { experimentName: 'typed' as string }\n")
    writeFileSync(
      join(own, 'start.mjs'),
      "import { ExperimentTracker } from 'lineaprint'\n" +
        'const tracker = new ExperimentTracker({}, {})\n' +
        'await tracker.startExperiment().then(() => console.log(tracker.configuration.experimentName), (error) => console.log(error.message))\n',
    )
    assert.equal(await succeed(own, 'node', 'start.mjs'), 'typed\n')
    assert.match(await succeed(own, tools.node22, 'start.mjs'), /TypeScript needs Node 22\.18 or later\n$/)
  })
  await check('Bun tracks a run, with import and require()', async () => {
    same(await succeed(project, tools.bun, 'program.mjs'), { ...whole, runtime: 'Bun 1.4.5, as Node 26.3.0' })
    assert.equal(await succeed(project, tools.bun, 'required.cjs'), `${expected.version}\n`)
  })
  await check('Deno tracks a run, and without permission to load the addon says so', async () => {
    same(await succeed(project, tools.deno, 'run', '--no-prompt', ...PERMISSIONS, 'program.mjs'), {
      ...whole,
      runtime: 'Deno 2.9.6, as Node 26.3.0',
    })
    const rest = PERMISSIONS.filter((name) => name !== '--allow-ffi')
    const { code, stderr } = await run(tools.deno, ['run', '--no-prompt', ...rest, 'program.mjs'], {
      cwd: project,
      env,
    })
    assert.equal(code, 1)
    assert.match(stderr, /the binary for \S+ does not load: tried .*--allow-ffi/)
  })
  await bundles()
  await check('pnpm installs it, and its program runs', async () => {
    const { own, commit } = newProject(folder, 'pnpm', project)
    writeFileSync(join(own, '.npmrc'), `registry=${registry}\nminimum-release-age=0\n`)
    await succeed(own, tools.pnpm, 'add', 'lineaprint', '--store-dir', join(folder, 'pnpm-store'))
    same(await succeed(own, 'node', 'program.mjs'), { ...whole, commit })
    const [row] = JSON.parse(
      await succeed(own, join(own, 'node_modules/.bin/lineaprint'), 'hash', '--json', 'data.bin'),
    )
    assert.equal(row.digests.blake3, expected.digest)
  })
  await check("Yarn Plug'n'Play installs it, and its program tracks a command", async () => {
    const { own, commit } = newProject(folder, 'yarn', project)
    writeFileSync(join(own, '.yarnrc.yml'), yarnSettings(folder, registry))
    writeFileSync(join(own, 'yarn.lock'), '')
    await succeed(own, tools.yarn, 'add', 'lineaprint')
    same(await succeed(own, tools.yarn, 'node', 'program.mjs'), { ...whole, commit })
    const [finding] = JSON.parse(await succeed(own, tools.yarn, 'lineaprint', 'doctor', '--json'))
    assert.equal(finding.state, 'ok')
    assert.equal(
      await succeed(own, tools.yarn, 'lineaprint', 'run', '--', 'node', '-e', 'console.log(1 + 1)'),
      '2\n',
    )
  })

  async function bundles() {
    const bundle = join(project, 'bundle')
    mkdirSync(bundle)
    const source = join(project, 'bundled.mjs')
    writeFileSync(
      source,
      "import { ExperimentTracker, hashFile, seedVariables } from 'lineaprint'\n" +
        'async function main() {\n' +
        "  const tracker = new ExperimentTracker({ experimentName: 'bundle' })\n" +
        '  await tracker.startExperiment()\n' +
        '  const { status } = await tracker.finishExperiment()\n' +
        "  console.log(status, String((await hashFile('data.bin')).digest))\n" +
        '  try { seedVariables(1, { replaceMathRandom: true }) } catch ({ code }) { console.log(code) }\n' +
        '}\n' +
        'main().catch((error) => { console.error(error.message); process.exitCode = 1 })\n',
    )
    const made = []
    await check('esbuild, rolldown and webpack bundle it, and find the addon in node_modules', async () => {
      for (const [format, end] of Object.entries({ esm: 'mjs', cjs: 'cjs' })) {
        const out = (name) => {
          made.push(join(bundle, `${name}.${end}`))
          return made.at(-1)
        }
        const esbuild = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=warning']
        await succeed(project, tools.esbuild, source, ...esbuild, `--outfile=${out('esbuild')}`)
        const rolldown = ['--platform', 'node', '--format', format, '--no-codeSplitting']
        await succeed(project, tools.rolldown, source, ...rolldown, '--file', out('rolldown'))
        await webpack(tools, source, out('webpack'), format)
      }
      // Only webpack writes the place of the build into the bundle, where the file for Math.random still is.
      const refused = 'ERR_LINEAPRINT_STATE\n'
      for (const file of made)
        assert.equal(
          await succeed(project, 'node', file),
          `finished ${expected.digest}\n${file.includes('webpack') ? '' : refused}`,
        )
    })
    await check('a bundle without the addon says what it needs', async () => {
      const elsewhere = join(folder, 'elsewhere')
      cpSync(bundle, elsewhere, { recursive: true })
      // webpack writes the place of the build into the bundle, where the package still is.
      for (const file of made.filter((path) => !path.includes('webpack'))) {
        const moved = file.replace(bundle, elsewhere)
        const { code, stderr } = await run('node', [moved], { cwd: elsewhere, env })
        assert.equal(code, 1)
        assert.match(
          stderr,
          /the binary for \S+ is missing: .*cannot be part of a bundle \(docs\/runtimes\.md\)/,
        )
      }
    })
  }
}

/** Bundle a program by webpack, which has no program of its own. */
async function webpack(tools, source, file, format) {
  const bundler = createRequire(import.meta.url)(tools.webpack)
  const module = format === 'esm'
  const stats = await new Promise((resolve, reject) => {
    bundler(
      {
        mode: 'none',
        target: 'node22',
        entry: source,
        experiments: { outputModule: module },
        output: { path: join(file, '..'), filename: file.split('/').at(-1), module },
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    )
  })
  assert.equal(stats.hasErrors(), false, stats.toString({ all: false, errors: true }))
}

/** Make a repository with the program and its data, and nothing installed. */
function newProject(folder, name, project) {
  const own = join(folder, name)
  mkdirSync(own)
  writeFileSync(join(own, 'package.json'), '{ "private": true, "type": "module" }\n')
  for (const file of ['program.mjs', 'data.bin']) copyFileSync(join(project, file), join(own, file))
  return { own, commit: makeRepository(own) }
}

/** Make a repository of a folder. @returns its commit */
function makeRepository(folder) {
  const git = (...args) =>
    execFileSync('git', ['-C', folder, ...args], { env: environment, encoding: 'utf8' })
  writeFileSync(join(folder, '.gitignore'), '*\n!.gitignore\n')
  git('init', '-q')
  git('add', '.gitignore')
  git('-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '-q', '-m', 'all')
  return git('rev-parse', 'HEAD').trim()
}
