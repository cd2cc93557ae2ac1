/**
 * Plant secrets in everything that a run is made of: arguments, names, output, tracebacks, metadata, files, patches,
 * branches, addresses, through the command with a Python program and through the library. None may be found in the
 * store, in its file names, in exports, or in what is sent to a server, raw or encoded.
 *
 * The control keeps secrets with `--no-redact`: they must be found, apart from those in what is cleaned in any case.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ending, start } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Characters, formsOf, plant } from './support/planted.ts'
import { Tally } from './support/round.ts'
import type { AddressInfo } from 'node:net'
import type { LibraryPlan } from './children/secrets.ts'
import type { Planted } from './support/planted.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link secretsRound}. */
export interface SecretsOptions extends RoundOptions {
  /** Number of secrets to plant. */
  readonly secrets: number
}

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const PYTHON = new URL('children/secrets.py', import.meta.url)
const LIBRARY = new URL('children/secrets.ts', import.meta.url)
const FORMATS = ['json', 'yaml', 'slsa', 'cyclonedx']

/** Everything that a run is made of. */
interface Scenario {
  name: string
  note: string
  branch: string
  remote: string
  folder: string
  exception: string
  given: Record<string, unknown>
  readonly argv: string[]
  readonly environment: Record<string, string>
  readonly tags: string[]
  readonly untracked: [name: string, content: string][]
  readonly added: string[]
  readonly context: string[]
  readonly removed: string[]
  readonly stdout: string[]
  readonly stderr: string[]
  readonly pieces: string[]
  readonly long: string[]
  readonly metadata: Record<string, unknown>[]
  readonly pythonTags: string[]
  readonly metrics: string[]
  readonly digests: string[]
  readonly datasets: string[]
  readonly declared: string[]
  readonly checkpoints: string[]
  readonly outputs: [path: string, name: string][]
  readonly missing: string[]
}

function emptyScenario(): Scenario {
  return {
    name: 'round',
    note: '',
    branch: 'work',
    remote: '',
    folder: 'project',
    exception: '',
    given: {},
    argv: [],
    environment: {},
    tags: [],
    untracked: [],
    added: [],
    context: [],
    removed: [],
    stdout: [],
    stderr: [],
    pieces: [],
    long: [],
    metadata: [],
    pythonTags: [],
    metrics: [],
    digests: [],
    datasets: [],
    declared: [],
    checkpoints: [],
    outputs: [],
    missing: [],
  }
}

/** Plants a secret at one location. Returns `false` if the location cannot hold it, or is already used. */
type Plant = (scenario: Scenario, secret: Planted, number: number) => boolean

/** A location that holds text. A secret that only its name identifies is planted with its name. */
function text(put: (scenario: Scenario, text: string, number: number) => unknown): Plant {
  return (scenario, { text: secret, isNamed, name }, number) => {
    put(scenario, isNamed ? `${name}=${secret}` : `about ${secret} here`, number)
    return true
  }
}

/** A location that holds program text, where names do not count. */
function code(put: (scenario: Scenario, line: string, number: number) => unknown): Plant {
  return (scenario, { text: secret, isNamed }, number) => {
    if (isNamed) return false
    put(scenario, `value = "${secret}"`, number)
    return true
  }
}

/** A location that holds one word without slashes. */
function word(put: (scenario: Scenario, word: string, number: number) => unknown): Plant {
  return (scenario, { text: secret, isNamed }, number) => {
    if (isNamed || /[^\w.-]/.test(secret)) return false
    put(scenario, secret, number)
    return true
  }
}

/** A location that holds one secret: the first. */
function once(isFree: (scenario: Scenario) => boolean, next: Plant): Plant {
  return (scenario, secret, number) => isFree(scenario) && next(scenario, secret, number)
}

const LOG_LINES: readonly ((secret: string, name: string) => string)[] = [
  (secret, name) => `INFO ${name}: ${secret}`,
  (secret, name) => `{"step": 1, "${name}": "${secret}", "loss": 0.5}`,
  (secret, name) => `config = {'lr': 0.1, '${name}': '${secret}'}`,
  (secret, name) => `Namespace(lr=0.1, ${name}='${secret}', epochs=3)`,
  (secret, name) => `running train.py --${name.toLowerCase().replaceAll('_', '-')} ${secret} --lr 0.1`,
  (secret, name) => `argv: ['train.py', '--${name.toLowerCase().replaceAll('_', '-')}', '${secret}']`,
  (secret) => `Authorization: Bearer ${secret}`,
  (secret, name) => `\u001b[33m${name}\u001b[39m=\u001b[35m'${secret}'\u001b[0m`,
  (secret, name) => `'first line\\n${name}=${secret}'`,
  (secret, name) => `GET /v1?x=1&${name}=${secret}&y=2`,
]

/** Return a line of a log that holds the secret. */
function logLine({ text: secret, isNamed, name }: Planted, number: number): string {
  return isNamed
    ? (LOG_LINES[number % LOG_LINES.length]?.(secret, name) ?? '')
    : `\u001b[31m${secret}\u001b[0m at ${number}`
}

/** Return metadata that hold the secret. */
function metadataOf({ text: secret, isNamed, name }: Planted, number: number): Record<string, unknown> {
  if (!isNamed)
    return (
      [{ [`m${number}`]: secret }, { [`m${number}`]: [1, { deep: `x ${secret}` }] }, { [`k ${secret}`]: 1 }][
        number % 3
      ] ?? {}
    )
  const forms: Record<string, unknown>[] = [
    { [`${number}.${name}`]: secret },
    { [`m${number}`]: { nested: [{ [name]: secret }] } },
    { [`m${number}`]: { name, value: secret } },
    { [`m${number}`]: { credentials: { deep: [secret] } } },
    { [`m${number}`]: ['--token', secret] },
  ]
  return forms[number % forms.length] ?? {}
}

/** Locations at which secrets are planted. */
const LOCATIONS: Readonly<Record<string, Plant>> = {
  name: once(
    ({ name }) => name === 'round',
    text((scenario, given) => (scenario.name = given)),
  ),
  note: once(
    ({ note }) => note === '',
    text((scenario, given) => (scenario.note = given)),
  ),
  tag: text(({ tags }, given) => tags.push(given)),
  argument: ({ argv }, { text: secret, isNamed, name }, number) => {
    const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
    if (!isNamed) argv.push(number % 2 === 0 ? secret : `--x=${secret}`)
    else if (number % 3 === 0) argv.push(flag, secret)
    else argv.push(number % 3 === 1 ? `${flag}=${secret}` : `+model.${name}=${secret}`)
    return true
  },
  'metadata of the command': ({ given }, secret, number) => {
    Object.assign(given, metadataOf(secret, number))
    return true
  },
  branch: once(
    ({ branch }) => branch === 'work',
    word((scenario, given) => (scenario.branch = `fix/${given}`)),
  ),
  remote: once(
    ({ remote }) => remote === '',
    (scenario, { secret }) => {
      scenario.remote = `https://user:${secret}@git.example/x.git`
      return true
    },
  ),
  folder: once(
    ({ folder }) => folder === 'project',
    word((scenario, given) => (scenario.folder = given)),
  ),
  'index of packages': (scenario, { secret }) => {
    if (scenario.environment['PIP_INDEX_URL'] !== undefined) return false
    scenario.environment['PIP_INDEX_URL'] = `https://user:${secret}@pypi.example/simple`
    return true
  },
  variable: (scenario, { text: secret, isNamed }) => {
    // A colon separates folders.
    if (isNamed || secret.includes(':') || scenario.environment['PYTHONPATH'] !== undefined) return false
    scenario.environment['PYTHONPATH'] = `/lib/${secret}`
    return true
  },
  stdout: ({ stdout }, secret, number) => stdout.push(logLine(secret, number)) > 0,
  stderr: ({ stderr }, secret, number) => stderr.push(logLine(secret, number)) > 0,
  'output in pieces': ({ pieces }, { text: secret, isNamed, name }) =>
    pieces.push(isNamed ? `${name}=${secret}` : `at ${secret}`) > 0,
  'a long line': (scenario, { text: secret, isNamed, name }) =>
    scenario.long.length < 3 && scenario.long.push(isNamed ? ` ${name}=${secret}` : ` ${secret}`) > 0,
  traceback: once(
    ({ exception }) => exception === '',
    text((scenario, given) => (scenario.exception = given)),
  ),
  'reported metadata': ({ metadata }, secret, number) => metadata.push(metadataOf(secret, number)) > 0,
  'reported tag': text(({ pythonTags }, given) => pythonTags.push(given)),
  metric: text(({ metrics }, given) => metrics.push(given)),
  digest: text(({ digests }, given) => digests.push(given)),
  dataset: text(({ datasets }, given) => datasets.push(given)),
  'declared dataset': word(({ declared }, given) => declared.push(given)),
  checkpoint: word(({ checkpoints }, given) => checkpoints.push(given)),
  output: word(({ outputs }, given, number) => outputs.push([`out/${number}/${given}.bin`, `o-${given}`])),
  'missing dataset': word(({ missing }, given) => missing.push(given)),
  'untracked file': code(({ untracked }, line, number) =>
    untracked.push([`file ${number}.py`, `import x\n${line}\n`]),
  ),
  'untracked name': word(({ untracked }, given) => untracked.push([`${given}.txt`, 'x'])),
  'added line': code(({ added }, line) => added.push(line)),
  'line around a change': code(({ context }, line) => context.push(line)),
  'removed line': code(({ removed }, line) => removed.push(line)),
}

/**
 * Locations that `--no-redact` does not reach, so that they are no control: the captures of git and of the environment
 * keep addresses and variables only in the form that their digest covers.
 */
const ALWAYS_CLEANED: ReadonlySet<string> = new Set(['remote', 'index of packages', 'variable'])

/** A planted secret and its location. */
interface PlantedAt {
  readonly location: string
  readonly planted: Planted
}

/** Secrets of one run. */
const PER_RUN = 110

/** Run the round. */
export async function secretsRound({ seed, secrets, progress }: SecretsOptions): Promise<Outcome> {
  const tally = new Tally()
  const random = new Characters(seed)
  const planted = plant(random)
  const control = { tried: 0, caught: 0 }
  const numbers: Record<string, number> = { runs: 0, 'bytes searched': 0 }
  const server = await mlflowStandIn()
  try {
    await withFolder(async (base) => {
      for (let run = 0; tally.rounds < secrets; run++) {
        const count = Math.min(PER_RUN, secrets - tally.rounds)
        const isLibrary = run % 4 === 3 || secrets < PER_RUN
        const { scenario, all } = fill(planted, count, run, isLibrary)
        const folder = join(base, `run-${run}`)
        const bytes = await (isLibrary ? useLibrary : useCommand)(scenario, folder, server, true)
        numbers['runs'] = run + 1
        numbers['bytes searched'] = (numbers['bytes searched'] ?? 0) + bytes.length
        for (const { location, planted: item } of all) {
          const match = formsOf(item.secret).find((form) => bytes.includes(form))
          tally.count(match && `${item.kind} in ${location}: ${contextOf(bytes, match)}`)
        }
        progress(`${tally.failures}/${tally.rounds} found`)
      }
      const { scenario, all } = fill(planted, PER_RUN, 0, false)
      const bytes = await useCommand(scenario, join(base, 'control'), server, false)
      for (const { location, planted: item } of all) {
        if (ALWAYS_CLEANED.has(location)) continue
        control.tried++
        if (formsOf(item.secret).some((form) => bytes.includes(form))) control.caught++
      }
    })
  } finally {
    server.close()
  }
  return {
    name: 'secrets',
    promise:
      'no planted secret is in a record, a journal, a log, a copy, a patch or an export, raw or encoded',
    ...tally.result,
    controls: [{ what: 'secrets of a run with --no-redact', ...control }],
    numbers,
    skipped: [],
  }
}

/** Locations that the tracker of the library has as well. */
const LIBRARY_LOCATIONS: ReadonlySet<string> = new Set([
  'name',
  'note',
  'tag',
  'metadata of the command',
  'reported metadata',
  'metric',
  'digest',
  'dataset',
])

function fill(
  planted: Iterator<Planted>,
  count: number,
  turn: number,
  isLibrary: boolean,
): { scenario: Scenario; all: PlantedAt[] } {
  const scenario = emptyScenario()
  const all: PlantedAt[] = []
  const locations = Object.entries(LOCATIONS).filter(
    ([location]) => !isLibrary || LIBRARY_LOCATIONS.has(location),
  )
  for (let number = 0; all.length < count; number++) {
    const { value } = planted.next()
    // Another start for each run, so that every location gets every kind.
    for (let at = 0; at < locations.length; at++) {
      const [location, put] = locations[
        (number * 7 + turn * 3 + at) % locations.length
      ] as (typeof locations)[number]
      if (!put(scenario, value, number)) continue
      all.push({ location, planted: value })
      break
    }
  }
  return { scenario, all }
}

/** Run the command with the scenario, export its run, and return all bytes that came out of it. */
async function useCommand(
  scenario: Scenario,
  base: string,
  server: MlflowStandIn,
  redact: boolean,
): Promise<Buffer> {
  const folder = join(base, scenario.folder)
  const store = join(base, 'store')
  mkdirSync(folder, { recursive: true })
  prepareRepository(folder, scenario)
  const plan = join(base, 'plan.json')
  writeFileSync(plan, JSON.stringify({ ...scenario, tags: scenario.pythonTags }))
  const declared = scenario.declared.flatMap((name) => ['--dataset', `${name}=program.py`])
  const environment = {
    ...process.env,
    ...scenario.environment,
    SOAK_PLAN: plan,
    LINEAPRINT_OUTPUT_DIR: store,
    LINEAPRINT_METADATA: JSON.stringify(scenario.given),
    LINEAPRINT_SAVE_TO_JSON: 'true',
    LINEAPRINT_SAVE_TO_YAML: 'true',
    LINEAPRINT_SAVE_TO_WANDB: 'true',
    LINEAPRINT_SAVE_TO_MLFLOW: JSON.stringify({ trackingUri: server.address }),
    LINEAPRINT_ENVIRONMENT: '{"packages":false}',
  }
  const options = [
    '--name',
    scenario.name,
    '--note',
    scenario.note,
    ...scenario.tags.flatMap((tag) => ['--tag', tag]),
    ...declared,
    ...(redact ? [] : ['--no-redact']),
  ]
  await lineaprint(['run', ...options, '--', 'python3', 'program.py', ...scenario.argv], folder, environment)
  return collect(folder, store, server, environment)
}

/** Use the tracker of the library with the scenario, and return all bytes that came out of it. */
async function useLibrary(
  scenario: Scenario,
  base: string,
  server: MlflowStandIn,
  redact: boolean,
): Promise<Buffer> {
  const store = join(base, 'store')
  mkdirSync(base, { recursive: true })
  const plan: LibraryPlan = { ...scenario, notes: scenario.note }
  const path = join(base, 'plan.json')
  writeFileSync(path, JSON.stringify(plan))
  const command = [process.execPath, fileURLToPath(LIBRARY), path, store, ...(redact ? [] : ['keep'])]
  const { code: exitCode, stderr } = await ending(start(command))
  if (exitCode !== 0)
    throw new Error(`the program of the library ended with ${exitCode}: ${stderr.slice(-2000)}`)
  return collect(base, store, server, { ...process.env, LINEAPRINT_OUTPUT_DIR: store })
}

async function collect(
  folder: string,
  store: string,
  server: MlflowStandIn,
  environment: NodeJS.ProcessEnv,
): Promise<Buffer> {
  const printed: string[] = []
  const variables = { ...environment, MLFLOW_TRACKING_URI: server.address }
  for (const format of FORMATS)
    printed.push(await lineaprint(['export', '@latest', '--format', format], folder, variables))
  for (const command of [
    ['export', '@latest', '--format', 'wandb'],
    ['export', '@latest', '--format', 'mlflow'],
    ['show', '@latest'],
    ['list'],
  ])
    printed.push(await lineaprint(command, folder, variables))
  return Buffer.concat([...filesBelow(store), Buffer.from(printed.join('\n')), ...server.take()])
}

/** Run the program, and return its stdout. A run whose command fails is no error here. */
async function lineaprint(
  args: readonly string[],
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const command = ['env', '-C', directory, process.execPath, MAIN, ...args]
  const { code: exitCode, stdout, stderr } = await ending(start(command, environment))
  if (args[0] === 'run') {
    if (!/lineaprint: run \S+ (?:finished|failed)/.test(stderr))
      throw new Error(`a run ended with ${exitCode}: ${stderr.slice(-2000)}`)
    // The output of the command itself is for the person who started it.
    return ''
  }
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr.slice(-2000)}`)
  return `${stdout}\n${stderr}`
}

function prepareRepository(folder: string, scenario: Scenario): void {
  const git = (...args: readonly string[]): void => {
    const identity = ['-c', 'user.name=soak', '-c', 'user.email=soak@example.org']
    const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder })
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${String(stderr)}`)
  }
  git('init', '-q')
  git('symbolic-ref', 'HEAD', `refs/heads/${scenario.branch}`)
  if (scenario.remote !== '') git('remote', 'add', 'origin', scenario.remote)
  writeFileSync(join(folder, 'program.py'), readFileSync(PYTHON))
  writeFileSync(join(folder, '.gitignore'), 'out/\n')
  const before = [...scenario.removed, 'a = 1', ...scenario.context, 'b = 1', '']
  writeFileSync(join(folder, 'around.py'), before.join('\n'))
  writeFileSync(join(folder, 'module.py'), 'c = 1\n')
  git('add', '.')
  git('commit', '-qm', 'start')
  writeFileSync(join(folder, 'around.py'), ['a = 2', ...scenario.context, 'b = 2', ''].join('\n'))
  writeFileSync(join(folder, 'module.py'), [...scenario.added, 'c = 2', ''].join('\n'))
  for (const [name, content] of scenario.untracked) writeFileSync(join(folder, name), content)
}

function filesBelow(folder: string): Buffer[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    const name = Buffer.from(`\n${entry.name}\n`)
    if (entry.isDirectory()) return [name, ...filesBelow(path)]
    return [name, readFileSync(path)]
  })
}

function contextOf(bytes: Buffer, match: Buffer): string {
  const at = bytes.indexOf(match)
  return JSON.stringify(bytes.toString('latin1', Math.max(0, at - 60), at + match.length + 10))
}

/** A server that answers like one of MLflow, and keeps what it gets. */
interface MlflowStandIn {
  readonly address: string
  /** Return what came since the last call. */
  take(): Buffer[]
  close(): void
}

async function mlflowStandIn(): Promise<MlflowStandIn> {
  let received: Buffer[] = []
  const info = { run_id: 'r1', experiment_id: '1', artifact_uri: 'mlflow-artifacts:/1/r1/artifacts' }
  const server = createServer((request, response) => {
    const { url = '' } = request
    received.push(Buffer.from(`${url}\n${decodeURIComponent(url)}\n`))
    request.on('data', (chunk: Buffer) => received.push(chunk))
    request.on('end', () => {
      const answer = url.includes('experiments/')
        ? { experiment: { experiment_id: '1', lifecycle_stage: 'active' } }
        : url.includes('runs/search')
          ? { runs: [{ info }] }
          : { run: { info } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}`,
    take: () => {
      const taken = received
      received = []
      return taken
    },
    close: () => void server.close(),
  }
}
