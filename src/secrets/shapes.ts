/**
 * Shapes of secrets that can be recognised by sight: issuers give them prefixes for this purpose. A secret
 * without such a shape can only be recognised by the name that holds it (`names.ts`).
 *
 * Most shapes come from the rules of gitleaks (`gitleaks-rules.ts`). Those below are wider, or are of issuers that
 * machine learning uses and gitleaks does not list.
 */
import { GITLEAKS_RULES } from './gitleaks-rules.ts'

/** A shape: its name, hints (a secret has one of them, in lower case), expression, flags, least entropy in bits. */
type Rule = readonly [
  name: string,
  hints: readonly string[],
  pattern: string,
  flags?: string | undefined,
  entropy?: number | undefined,
]

/** Escapes of strings, as JSON, Python and C write them. */
const ESCAPE = '\\\\(?:[abefnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{1,3})'

/**
 * Not preceded by these characters, unless they are the end of an escape: `\\n`, `\\x1b`, `\\u00e9`, `%3D`, the colour of a
 * terminal.
 *
 * @param characters Members of a character class.
 */
export function notAfter(characters: string): string {
  return `(?:(?<![${characters}])|(?<=${ESCAPE}|%[0-9A-Fa-f]{2}|\\[[0-9;]{0,16}m))`
}

const START = notAfter('A-Za-z0-9')

/** The form of this condition in the rules of gitleaks. */
const GITLEAKS_START = '(?<![A-Za-z0-9])'

/**
 * The own shapes. Each expression is one run of characters after a fixed start, so that backtracking is bounded.
 */
const OWN_RULES: readonly Rule[] = [
  ['GitHub token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], 'gh[pousr]_[A-Za-z0-9_]{20,255}'],
  ['GitHub token', ['github_pat_'], 'github_pat_[A-Za-z0-9_]{20,255}'],
  [
    'GitLab token',
    ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glcbt-', 'glsoat-', 'glagent-', 'glft-', 'glimt-', 'gloas-'],
    '(?:glpat|gldt|glrt|glptt|glcbt|glsoat|glagent|glft|glimt|gloas)-[A-Za-z0-9_.-]{20,255}',
  ],
  ['lineaprint token', ['lp_'], 'lp_[A-Za-z0-9_-]{43}'],
  ['Hugging Face token', ['hf_'], 'hf_[A-Za-z0-9]{20,255}'],
  ['Hugging Face token', ['api_org_'], 'api_org_[A-Za-z0-9]{20,255}'],
  // A digit is required: long names such as those of scikit packages also start with `sk-`.
  ['sk- key', ['sk-'], 'sk-(?=[A-Za-z_-]{0,255}[0-9])[A-Za-z0-9_-]{20,255}'],
  ['Groq key', ['gsk_'], 'gsk_[A-Za-z0-9]{20,255}'],
  ['xAI key', ['xai-'], 'xai-[A-Za-z0-9]{20,255}'],
  ['Perplexity key', ['pplx-'], 'pplx-[A-Za-z0-9]{20,255}'],
  ['Replicate token', ['r8_'], 'r8_[A-Za-z0-9]{20,255}'],
  ['Weights & Biases key', ['wandb_v'], 'wandb_v[0-9]_[A-Za-z0-9_]{20,255}'],
  ['AWS access key', ['akia', 'asia', 'abia', 'acca'], 'A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9])'],
  ['Slack token', ['xox'], 'xox[abeoprs](?:[.]xox[bp])?-[A-Za-z0-9-]{10,255}'],
  ['Slack token', ['xapp-'], 'xapp-[A-Za-z0-9-]{10,255}'],
  ['Slack webhook', ['hooks.slack.com/'], 'hooks\\.slack\\.com/[a-z]+/[A-Za-z0-9/_-]{20,255}'],
  ['Discord webhook', ['/api/webhooks/'], 'discord(?:app)?\\.com/api/webhooks/[A-Za-z0-9/_-]{20,255}'],
  ['JSON web token', ['eyj'], 'eyJ[A-Za-z0-9_-]{8,8192}\\.eyJ[A-Za-z0-9_-]{4,8192}\\.[A-Za-z0-9_-]{0,8192}'],
  ['Google API key', ['aiza'], 'AIza[A-Za-z0-9_-]{35}'],
  ['Google token', ['ya29.'], 'ya29\\.[A-Za-z0-9_-]{20,2048}'],
  ['Google client secret', ['gocspx-'], 'GOCSPX-[A-Za-z0-9_-]{20,255}'],
  ['npm token', ['npm_'], 'npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])'],
  ['PyPI token', ['pypi-'], 'pypi-[A-Za-z0-9_-]{50,1024}'],
  ['Stripe key', ['_live_'], '[rs]k_live_[A-Za-z0-9]{16,255}'],
  ['Stripe key', ['_test_'], '[rs]k_test_[A-Za-z0-9]{16,255}'],
  ['Databricks token', ['dapi'], 'dapi[0-9a-f]{32}(?:-[0-9])?(?![A-Za-z0-9])'],
  ['DigitalOcean token', ['_v1_'], 'do[opr]_v1_[a-f0-9]{64}'],
  ['SendGrid key', ['sg.'], 'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,128}'],
  ['Vault token', ['hvs.'], 'hvs\\.[A-Za-z0-9_-]{20,255}'],
  ['Tailscale key', ['tskey-'], 'tskey-[a-z]+-[A-Za-z0-9-]{10,255}'],
  ['Linear key', ['lin_api_'], 'lin_api_[A-Za-z0-9]{20,255}'],
  ['Docker token', ['dckr_'], 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}'],
  ['age key', ['age-secret-key-'], 'AGE-SECRET-KEY-1[A-Z0-9]{20,255}'],
  ['Azure DevOps token', ['azdo'], '[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}AZDO[A-Za-z0-9]{4}'],
  ['Cerebras key', ['csk-'], 'csk-[A-Za-z0-9]{20,255}'],
  ['Contentful token', ['cfpat-'], 'CFPAT-[A-Za-z0-9_-]{20,255}'],
  ['Discord token', ['.g'], '[MNO][A-Za-z0-9_-]{23,27}\\.G[A-Za-z0-9_-]{5}\\.[A-Za-z0-9_-]{27,40}'],
  ['Fireworks key', ['fw_'], 'fw_[A-Za-z0-9]{22,64}(?![A-Za-z0-9_])'],
  ['Figma token', ['figd_'], 'figd_[A-Za-z0-9_-]{20,255}'],
  ['Google OAuth code', ['1//0'], '1//0[A-Za-z0-9_-]{30,255}'],
  ['HubSpot token', ['pat-'], 'pat-(?:na|eu)[0-9]-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'],
  ['Jina key', ['jina_'], 'jina_[A-Za-z0-9_-]{20,255}'],
  ['Kaggle token', ['kgat_'], 'KGAT_[A-Za-z0-9]{20,255}'],
  ['LangSmith key', ['lsv2_'], 'lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}'],
  ['Mailchimp key', ['-us'], '[a-f0-9]{32}-us[0-9]{1,2}(?![A-Za-z0-9])'],
  ['Mapbox token', ['k.eyj'], '[pst]k\\.eyJ[A-Za-z0-9_-]{20,512}\\.[A-Za-z0-9_-]{20,64}'],
  ['Neptune token', ['eyjhcglf'], 'eyJhcGlf[A-Za-z0-9+/_-]{40,4096}={0,2}'],
  ['New Relic key', ['nrak-', 'nrii-', 'nrjs-', 'nrra-'], 'NR(?:AK|II|JS|RA)-[A-Za-z0-9_-]{19,64}'],
  ['NVIDIA key', ['nvapi-'], 'nvapi-[A-Za-z0-9_-]{20,255}'],
  ['Pinecone key', ['pcsk_'], 'pcsk_[A-Za-z0-9_]{20,255}'],
  [
    'Plaid token',
    ['access-'],
    'access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  ],
  ['SonarQube token', ['sqp_', 'squ_', 'sqa_'], 'sq[pua]_[a-f0-9]{40}'],
  ['Sourcegraph token', ['sgp_'], 'sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}'],
  ['Tavily key', ['tvly-'], 'tvly-[A-Za-z0-9-]{20,255}'],
  ['Telegram token', [':aa'], '[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])'],
  ['Typeform token', ['tfp_'], 'tfp_[A-Za-z0-9_.=-]{40,80}'],
  ['Yandex key', ['aqvn'], 'AQVN[A-Za-z0-9_-]{35,38}'],
  ['Atlassian token', ['atatt3'], 'ATATT3[A-Za-z0-9_=-]{40,400}'],
]

/** A shape whose expression is compiled when a text has a hint of it for the first time. */
class SecretShape {
  readonly name: string
  readonly hints: readonly string[]
  readonly #entropy: number
  readonly #source: readonly [pattern: string, flags: string]
  #pattern: RegExp | undefined

  constructor([name, hints, pattern, flags = 'g', entropy = 0]: Rule) {
    this.name = name
    this.hints = hints
    this.#entropy = entropy
    this.#source = [pattern, flags]
  }

  replace(text: string, replacement: string): string {
    const pattern = (this.#pattern ??= new RegExp(...this.#source))
    return text.replace(pattern, (secret) => (entropyOf(secret) >= this.#entropy ? replacement : secret))
  }
}

interface Shapes {
  readonly all: readonly SecretShape[]
  /** Matches every text that has a hint. */
  readonly hint: RegExp
}

let compiled: Shapes | undefined

/** Most commands need no shape, so nothing is compiled before the first use. */
function shapes(): Shapes {
  if (compiled) return compiled
  const own = OWN_RULES.map(
    ([name, hints, pattern, flags, entropy]) =>
      new SecretShape([name, hints, START + pattern, flags, entropy]),
  )
  const others = GITLEAKS_RULES.map(([name, hints, pattern, flags, entropy]) => {
    const wide = pattern.startsWith(GITLEAKS_START) ? START + pattern.slice(GITLEAKS_START.length) : pattern
    return new SecretShape([name, hints, wide, flags, entropy])
  })
  const all = [...own, ...others]
  const hints = [...new Set(all.flatMap((shape) => shape.hints))]
  const escaped = hints.map((hint) => hint.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
  compiled = { all, hint: new RegExp(escaped.join('|'), 'i') }
  return compiled
}

/** Return the bits of Shannon entropy for each character. A placeholder such as `xxxx` has few. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/**
 * Replace all secrets of a known shape, but private keys.
 *
 * @param text Any text; bytes may be given as Latin-1, since every shape is ASCII.
 */
export function replaceShapes(text: string, replacement: string): string {
  // Shorter than any secret of a shape.
  if (text.length < 16) return text
  const { all, hint } = shapes()
  if (!hint.test(text)) return text
  const lower = text.toLowerCase()
  let clean = text
  for (const shape of all)
    if (shape.hints.some((hintOf) => lower.includes(hintOf))) clean = shape.replace(clean, replacement)
  return clean
}

/** The lines of a private key, from its first line to its last or, if that is missing, to the end. */
export const PRIVATE_KEY: RegExp =
  /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^]*?(?:-----END [A-Z0-9 ]*-----|$)/g

/**
 * Find the first secret of a known shape in a text.
 *
 * @returns The name of the shape, or `undefined`.
 */
export function findSecret(text: string): string | undefined {
  if (text.includes('PRIVATE KEY') && text.search(PRIVATE_KEY) >= 0) return 'private key'
  const { all, hint } = shapes()
  if (!hint.test(text)) return undefined
  const lower = text.toLowerCase()
  return all.find(
    (shape) => shape.hints.some((hintOf) => lower.includes(hintOf)) && shape.replace(text, '') !== text,
  )?.name
}
