/**
 * More than five hundred forms in which secrets are known to appear, through every channel that ends in a record: no
 * planted secret may be found in it. The list is its own, and takes nothing from the rules that it tests.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEnvironmentCapture } from '../../src/capture/environment/capture.ts'
import { createGitCapture } from '../../src/capture/git/git-capture.ts'
import { redactArguments, redactText, redactUrl } from '../../src/secrets/redact.ts'
import { GIT_ENVIRONMENT, emptyRepository, temporaryFolder, gitInTurn } from '../capture/fixture.ts'
import { folderOf } from '../capture/environment/fakes.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const ALNUM = `${LETTERS}${LETTERS.toLowerCase()}0123456789`
const HEX = '0123456789abcdef'

let counter = 0
/** Characters that look like chance, other ones for each call, the same in each run; a digit and a letter among them. */
function random(length: number, alphabet = ALNUM): string {
  const bytes = createHash('sha512').update(`secret ${counter++}`).digest()
  const text = Array.from(
    { length },
    (_, index) => alphabet[(bytes[index % 64] ?? 0) % alphabet.length] ?? '',
  ).join('')
  return alphabet === ALNUM ? `a7${text.slice(2)}` : text
}

/** What issuers document of their secrets. */
const SHAPES: Readonly<Record<string, () => string>> = {
  'GitHub personal': () => `ghp_${random(36)}`,
  'GitHub OAuth': () => `gho_${random(36)}`,
  'GitHub user': () => `ghu_${random(36)}`,
  'GitHub server': () => `ghs_${random(36)}`,
  'GitHub refresh': () => `ghr_${random(76)}`,
  'GitHub fine-grained': () => `github_pat_${random(22)}_${random(59)}`,
  'GitLab personal': () => `glpat-${random(20)}`,
  'GitLab deploy': () => `gldt-${random(20)}`,
  'GitLab runner': () => `glrt-${random(20)}`,
  'GitLab trigger': () => `glptt-${random(40, HEX)}`,
  'GitLab job': () => `glcbt-64_${random(20)}`,
  'Hugging Face': () => `hf_${random(34)}`,
  'Hugging Face organisation': () => `api_org_${random(34)}`,
  OpenAI: () => `sk-${random(48)}`,
  'OpenAI project': () => `sk-proj-${random(74)}T3BlbkFJ${random(74)}`,
  'OpenAI service': () => `sk-svcacct-${random(60)}`,
  Anthropic: () => `sk-ant-api03-${random(93)}AA`,
  OpenRouter: () => `sk-or-v1-${random(64, HEX)}`,
  DeepSeek: () => `sk-${random(32, HEX)}1a`,
  lineaprint: () => `lp_${random(43)}`,
  Groq: () => `gsk_${random(52)}`,
  xAI: () => `xai-${random(80)}`,
  Perplexity: () => `pplx-${random(48)}`,
  Replicate: () => `r8_${random(37)}`,
  'Weights & Biases': () => `wandb_v1_${random(60)}`,
  'AWS access': () => `AKIA${random(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
  'AWS session': () => `ASIA${random(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
  'Slack bot': () => `xoxb-${random(12, '0123456789')}-${random(12, '0123456789')}-${random(24)}`,
  'Slack user': () => `xoxp-${random(12, '0123456789')}-${random(32, HEX)}`,
  'Slack app': () => `xapp-1-A${random(10)}-${random(13, '0123456789')}-${random(64, HEX)}`,
  'JSON web token': () => `eyJhbGciOiJIUzI1NiJ9.eyJ${random(40)}.${random(43)}`,
  'Google API': () => `AIza${random(35)}`,
  'Google OAuth': () => `ya29.${random(60)}`,
  'Google client': () => `GOCSPX-${random(28)}`,
  npm: () => `npm_${random(36)}`,
  PyPI: () => `pypi-AgEIcHlwaS5vcmc${random(64)}${random(64)}`,
  'Stripe secret': () => `sk_live_${random(24)}`,
  'Stripe restricted': () => `rk_live_${random(24)}`,
  'Stripe test': () => `sk_test_${random(24)}`,
  Databricks: () => `dapi${random(32, HEX)}`,
  DigitalOcean: () => `dop_v1_${random(64, HEX)}`,
  SendGrid: () => `SG.${random(22)}.${random(43)}`,
  Vault: () => `hvs.${random(24)}`,
  Tailscale: () => `tskey-auth-${random(12)}-${random(32)}`,
  Linear: () => `lin_api_${random(40)}`,
  Docker: () => `dckr_pat_${random(27)}`,
  age: () => `AGE-SECRET-KEY-1${random(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`,
}

/** Names that a secret without any shape stands under, as variables. */
const OWNERS = `
  OPENAI ANTHROPIC WANDB COMET NEPTUNE CLEARML HF COHERE MISTRAL TOGETHER GROQ GEMINI GOOGLE AZURE
  DATADOG STRIPE KAGGLE LANGCHAIN PINECONE NGC
`
const OTHERS = `
  AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AZURE_CLIENT_SECRET AZURE_STORAGE_ACCOUNT_KEY PGPASSWORD
  MYSQL_PWD REDIS_PASSWORD MONGO_PASSWORD POSTGRES_PASSWORD DB_PASSWORD DATABASE_PASSWORD GITHUB_TOKEN
  GH_TOKEN GITLAB_TOKEN CI_JOB_TOKEN NPM_TOKEN NODE_AUTH_TOKEN PYPI_TOKEN TWINE_PASSWORD
  POETRY_PYPI_TOKEN UV_PUBLISH_TOKEN UV_INDEX_PASSWORD PIP_PASSWORD CONDA_TOKEN
  MLFLOW_TRACKING_PASSWORD MLFLOW_TRACKING_TOKEN DVC_SECRET PREFECT_API_KEY RAY_AUTH_TOKEN
  SLACK_BOT_TOKEN SLACK_SIGNING_SECRET DISCORD_TOKEN TELEGRAM_BOT_TOKEN TWILIO_AUTH_TOKEN SECRET_KEY
  PRIVATE_KEY ENCRYPTION_KEY SIGNING_KEY JWT ACCESS_TOKEN REFRESH_TOKEN CLIENT_SECRET AUTH_TOKEN
  BEARER_TOKEN API_TOKEN APIKEY PASSPHRASE CREDENTIALS
`
const NAMES: readonly string[] = [
  ...words(OWNERS).flatMap((owner) =>
    ['API_KEY', 'TOKEN', 'SECRET', 'PASSWORD'].map((kind) => `${owner}_${kind}`),
  ),
  ...words(OTHERS),
]

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** The same name as people write it for a flag and in a configuration. */
function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`
}
function camelOf(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

interface Planted {
  readonly form: string
  readonly secret: string
  readonly argv?: readonly string[]
  readonly address?: string
  readonly text?: string
}

/** Every form with a secret of its own. */
function plant(): Planted[] {
  const all: Planted[] = []
  const add = (form: string, secret: string, how: Omit<Planted, 'form' | 'secret'>): void => {
    all.push({ form, secret, ...how })
  }
  for (const [form, make] of Object.entries(SHAPES)) {
    let secret = make()
    add(`${form} alone`, secret, { argv: ['run', secret] })
    secret = make()
    add(`${form} under an innocent flag`, secret, { argv: ['run', `--name=x- ${secret}`] })
    secret = make()
    add(`${form} in a path of an address`, secret, { address: `https://host.example/x/${secret}/y.git` })
    secret = make()
    add(`${form} as a user`, secret, { address: `https://${secret}@host.example/x.git` })
    secret = make()
    add(`${form} in a sentence`, secret, { text: `the key is "${secret}", keep it` })
  }
  for (const name of NAMES) {
    let secret = random(12)
    add(`${name} as an assignment`, secret, { argv: ['env', `${name}=${secret}`, 'python'] })
    secret = random(12)
    add(`${flagOf(name)} and a value`, secret, { argv: ['run', flagOf(name), secret] })
    secret = random(12)
    add(`${camelOf(name)} in JSON`, secret, { text: `{"${camelOf(name)}": "${secret}"}` })
  }
  const addresses: Readonly<Record<string, (secret: string) => string>> = {
    'a password': (secret) => `https://user:${secret}@host.example/x.git`,
    'a user without a password': (secret) => `https://${secret}@host.example/x.git`,
    'a user with an empty password': (secret) => `https://${secret}:@host.example/x.git`,
    'GitHub, token as user': (secret) => `https://${secret}:x-oauth-basic@github.com/o/r.git`,
    'a proxy': (secret) => `http://proxy:${secret}@proxy.example:3128`,
    'a proxy of SOCKS': (secret) => `socks5h://u:${secret}@proxy.example:1080`,
    'ssh with a password': (secret) => `ssh://git:${secret}@host.example:22/x.git`,
    'a query': (secret) => `https://host.example/x.git?access_token=${secret}`,
    'a signed query': (secret) => `https://s.example/x?X-Amz-Signature=${secret}&X-Amz-Expires=1`,
    'a fragment': (secret) => `https://host.example/x#token=${secret}`,
    'a notebook': (secret) => `http://localhost:8888/notebooks/a.ipynb?token=${secret}`,
    'a channel of conda': (secret) => `https://conda.example/t/${secret}/main`,
    'an index of pip': (secret) => `https://__token__:${secret}@pypi.example/simple/`,
    'an index of uv': (secret) => `internal=https://aws:${secret}@pkgs.example/simple/`,
    'an index with a slash in its password': (secret) => `https://u:a/${secret}@pkgs.example/simple/`,
    'a database': (secret) => `postgresql://ml:${secret}@db.example:5432/runs`,
    'a queue': (secret) => `amqp://ml:${secret}@mq.example/`,
    'a bucket': (secret) => `s3://AKIAEXAMPLE:${secret}@bucket/x`,
  }
  for (const [form, make] of Object.entries(addresses)) {
    for (const length of [16, 24, 40]) {
      const secret = random(length)
      add(`${form} (${length})`, secret, { address: make(secret) })
    }
  }
  for (const header of ['Authorization: Bearer ', 'Authorization: Basic ', 'X-Api-Key: ', 'Cookie: session='])
    for (const flag of ['-H', '--header']) {
      const secret = random(32)
      add(`${header} by ${flag}`, secret, { argv: ['curl', flag, `${header}${secret}`] })
    }
  return all
}

const PLANTED = plant()

function notIn(text: string, planted: readonly Planted[], where: string): void {
  const found = planted.filter(({ secret }) => text.includes(secret)).map(({ form }) => form)
  expect(found, where).toEqual([])
}

test('there are more than five hundred forms, each with a secret of its own', () => {
  expect(PLANTED.length).toBeGreaterThan(500)
  expect(new Set(PLANTED.map(({ secret }) => secret)).size).toBe(PLANTED.length)
})

test('arguments, addresses and text', () => {
  expect.hasAssertions()
  for (const planted of PLANTED) {
    const { argv, address, text } = planted
    if (argv) notIn(redactArguments(argv).join(' '), [planted], 'argv')
    if (text !== undefined) notIn(redactText(text), [planted], 'text')
    if (address === undefined) continue
    notIn(redactUrl(address.replace(/^internal=/, '')), [planted], 'address')
    notIn(redactText(`fatal: could not read from ${address}: 403`), [planted], 'address in a message')
    notIn(redactArguments(['pip', 'install', '--index-url', address]).join(' '), [planted], 'flag, address')
    notIn(redactArguments(['pip', `--extra-index-url=${address}`]).join(' '), [planted], 'flag=address')
  }
})

test('a captured environment: variables, packages of Python and conda', async () => {
  const addresses = PLANTED.filter(({ address }) => address !== undefined)
  const shown = (index: number): string => addresses[index % addresses.length]?.address ?? ''
  const variables: NodeJS.ProcessEnv = { PATH: process.env['PATH'] }
  // What is not on the list is not recorded whatever it is; what is on it is cleaned.
  for (const name of NAMES) variables[name] = PLANTED.find(({ form }) => form.startsWith(name))?.secret
  const lists = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'UV_INDEX', 'UV_EXTRA_INDEX_URL', 'CONDA_CHANNELS']
  for (const name of [
    ...lists,
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'https_proxy',
    'NPM_CONFIG_REGISTRY',
    'NODE_OPTIONS',
  ])
    variables[name] = addresses.map(({ address }) => address).join(' ')
  variables['LD_LIBRARY_PATH'] = PLANTED.flatMap(({ form, secret }) =>
    form.endsWith('alone') ? [secret] : [],
  ).join(':')
  const meta = Object.fromEntries(
    addresses.map(({ address }, index) => [
      `conda-meta/p${index}.json`,
      { name: `p${index}`, version: '1', build: 'x', channel: address },
    ]),
  )
  const conda = folderOf(meta)
  execFileSync('python3', ['-m', 'venv', '--without-pip', conda])
  variables['PATH'] = `${join(conda, 'bin')}:${process.env['PATH'] ?? ''}`
  variables['VIRTUAL_ENV'] = ''
  const site = folderOf(
    Object.fromEntries(
      addresses.flatMap((_, index) => [
        [`d${index}-1.dist-info/METADATA`, `Name: d${index}\nVersion: 1\n`],
        [`d${index}-1.dist-info/direct_url.json`, { url: shown(index) }],
      ]),
    ),
  )
  const { value, warnings } = await createEnvironmentCapture(undefined, {
    variables: { ...variables, PYTHONPATH: site },
  }).capture({
    directory: temporaryFolder(),
    algorithm: 'blake3',
  })
  const record = JSON.stringify([value, warnings])
  notIn(record, PLANTED, 'environment')
  expect(value['conda']).toMatchObject({ status: 'present', prefix: conda })
  // The addresses themselves are there: what was taken out are the secrets in them.
  expect(record).toContain('pkgs.example/simple')
})

test('a captured repository: remotes, submodules, messages, changed lines', async () => {
  const root = emptyRepository()
  const shapes = PLANTED.filter(({ form }) => form.endsWith('alone') || form.endsWith('sentence'))
  writeFileSync(join(root, 'a.py'), 'first\n')
  gitInTurn(
    root,
    ['add', '-A'],
    ['commit', '-q', '-m', `message\n\n${PLANTED.flatMap(({ text }) => text ?? []).join('\n')}`],
  )
  const remotes = PLANTED.flatMap(({ address }, index) =>
    address === undefined ? [] : [`[remote "r${index}"]\n\turl = "${address}"\n\tpushurl = "${address}"\n`],
  )
  appendFileSync(join(root, '.git/config'), remotes.join(''))
  writeFileSync(join(root, 'a.py'), shapes.map(({ secret }) => `key = "${secret}"\n`).join(''))
  const filesDirectory = join(temporaryFolder(), 'files')
  const { value, warnings } = await createGitCapture(undefined, { environment: GIT_ENVIRONMENT }).capture({
    directory: root,
    algorithm: 'blake3',
    filesDirectory,
  })
  notIn(JSON.stringify([value, warnings]), PLANTED, 'git')
  expect(value['remotes']).toHaveLength(remotes.length)
  const kept = readdirSync(filesDirectory, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  )
  expect(kept.map(({ name }) => name)).toEqual(['diff.patch'])
  notIn(readFileSync(join(filesDirectory, 'diff.patch'), 'utf8'), shapes, 'diff.patch')
  expect(
    execFileSync('git', ['apply', '--numstat', join(filesDirectory, 'diff.patch')], { cwd: root }).toString(),
  ).toContain(`${shapes.length}\t1\ta.py`)
})
