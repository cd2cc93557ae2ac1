/**
 * Judgement of names (of flags, variables, fields): do they usually hold secrets?
 *
 * The last word decides: `--api-key` is a key, `--api-key-file` is a file, `--max-tokens` is a number, and
 * `--eos-token` is a text token of a tokenizer. Many tokens in machine learning are not secret, and a command
 * with a redacted `--max-tokens` cannot be rerun.
 */

import { words } from '../util/word-list.ts'

/** Words that make a name secret in any position. */
const SECRET_WORDS = new Set(
  words(`
  password passwords passwd passphrase passcode pwd secret secrets credential credentials
  apikey apikeys authkey accesskey secretkey privatekey accountkey authtoken accesstoken
  apitoken bearer authorization jwt cookie pat pw creds cred pgpass dbpass userpass sshpass otp totp csrf
`),
)

/** Last words that name something other than the secret: its location, length or identifier. */
const HARMLESS_ENDINGS = new Set(
  words(`
  file files path paths dir directory folder name names id ids env var variable url uri
  endpoint host port limit count length len size type ttl timeout expiry format version prefix
  suffix dim index embedding mask embeddings loss weight weights dropout policy provider
  helper store manager min max mode strategy enabled required column field tokenizer level
`),
)

/** Words before `token` that make it a token of a tokenizer or a count. */
const TOKENIZER_WORDS = new Set(
  words(`
  eos bos pad padding unk unknown sep cls mask special image video audio start stop end prefix
  suffix middle placeholder initializer prompt trigger class num max min per new first last
  next multi single added fim by each drop modifier instance think thinking newline subword
  word
`),
)

/** Words before `key` that make it a secret. */
const KEY_OWNERS = new Set(
  words(`
  api access secret private signing encryption auth account ssh license master service deploy
  session storage shared subscription admin client app application wandb openai anthropic hf
  huggingface aws azure gcp google github gitlab comet neptune clearml mlflow kaggle cohere
  mistral groq together replicate stripe sendgrid twilio datadog dd sentry ngc nvidia gemini
  deepseek
`),
)

/** Words before `pass` that make it not a password. */
const PASS_WORDS = new Set(
  words(`
  multi single one two first second forward backward by max per num high low band full all
  must
`),
)

/** Last words of names that may or may not be secret: the value decides. */
const DOUBTFUL_ENDINGS = new Set(
  words(`
  key sig signature sas code session sid login
`),
)

/** The certainty with which a name indicates a secret. */
export type Suspicion = 'secret' | 'doubtful' | 'none'

/**
 * Judge a name.
 *
 * @param name A flag with or without its dashes, a variable, a dotted or camel-case field.
 */
export function judgeName(name: string): Suspicion {
  // The working directory, exported by every shell.
  if (name === 'PWD' || name === 'OLDPWD') return 'none'
  const parts = withoutNumber(split(name))
  const last = parts.at(-1)
  if (last === undefined || HARMLESS_ENDINGS.has(last)) return 'none'
  // `PGPASSWORD` and `dbpassword` are single words.
  if (parts.some((word) => SECRET_WORDS.has(word) || /.(?:password|passwd|passphrase)$/.test(word)))
    return 'secret'
  const before = parts.at(-2) ?? ''
  const secret =
    last === 'auth' ||
    (last === 'token' && !TOKENIZER_WORDS.has(before)) ||
    (last === 'tokens' && ['auth', 'access', 'api', 'refresh'].includes(before)) ||
    ((last === 'key' || last === 'keys') && KEY_OWNERS.has(before)) ||
    (last === 'pass' && !PASS_WORDS.has(before))
  if (secret) return 'secret'
  return DOUBTFUL_ENDINGS.has(last) ? 'doubtful' : 'none'
}

/** Check whether a text looks random: long, without spaces or slashes, letters and digits mixed. */
export function isRandomText(value: string): boolean {
  return /^[A-Za-z0-9+_=.~%-]{16,}$/.test(value) && /[0-9]/.test(value) && /[A-Za-z]/.test(value)
}

/** Check whether the value of a secret name is not secret: a switch, a method, or the name of a variable. */
export function isHarmlessValue(value: string): boolean {
  return /^(?:|true|false|yes|no|none|null|auto|on|off|enabled|disabled|optional|required|basic|digest|bearer|oauth2?|oidc|ntlm|kerberos|negotiate|anonymous|0|1|\$\{?[A-Z_][A-Z0-9_]*\}?)$/i.test(
    value,
  )
}

/** Words that stay the same with a number behind them: `HF_TOKEN_2`, `password2`. */
const NUMBERED = /^(password|passwd|passphrase|secret|token|apikey|key|credentials?)\d*$/

function withoutNumber(parts: readonly string[]): string[] {
  const end = /^\d+$/.test(parts.at(-1) ?? '') ? -1 : parts.length
  const base = NUMBERED.exec(parts.slice(0, end).at(-1) ?? '')?.[1]
  return base === undefined ? [...parts] : [...parts.slice(0, end).slice(0, -1), base]
}

function split(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}
