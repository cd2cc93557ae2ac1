/**
 * Secrets that a round plants. They are made at run time from parts, so that no source looks as if it held one. The
 * list is its own, and takes nothing from the rules that it tests.
 */

/** A planted secret. */
export interface Planted {
  /** The kind of secret, for messages. */
  readonly kind: string
  /** The characters that must not be found. */
  readonly secret: string
  /** The secret as it stands alone: an address for a password in one. */
  readonly text: string
  /** `true` if only its name tells that it is one. */
  readonly isNamed: boolean
  /** The name of the secret at locations that have names. */
  readonly name: string
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'
const ALNUM = LETTERS + LETTERS.toLowerCase() + DIGITS
const HEX = `${DIGITS}abcdef`

/** A source of random characters. */
export class Characters {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1
  }

  /** Return a whole number from 0 to `below - 1`. */
  below(below: number): number {
    // Mulberry32: short, and the same on every machine.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  /** Return random characters of an alphabet, a digit and a letter among them. */
  text(length: number, alphabet: string = ALNUM): string {
    const characters = Array.from({ length }, () => alphabet[this.below(alphabet.length)] ?? '').join('')
    return alphabet === ALNUM ? `a7${characters.slice(2)}` : characters
  }
}

type Make = (random: Characters) => string

/** Forms of secrets that issuers document. The parts are joined at run time, so that the source holds no secret. */
const SHAPES: readonly (readonly [string, Make])[] = [
  ['GitHub', (random) => ['gh', 'p_', random.text(36)].join('')],
  ['GitHub OAuth', (random) => ['gh', 'o_', random.text(36)].join('')],
  ['GitHub fine-grained', (random) => ['github', '_pat_', random.text(22), '_', random.text(59)].join('')],
  ['GitLab', (random) => ['gl', 'pat-', random.text(20)].join('')],
  ['Hugging Face', (random) => ['h', 'f_', random.text(34)].join('')],
  ['OpenAI', (random) => ['s', 'k-', random.text(48)].join('')],
  ['Anthropic', (random) => ['s', 'k-ant-', 'api03-', random.text(93), 'AA'].join('')],
  ['Groq', (random) => ['gs', 'k_', random.text(52)].join('')],
  ['Replicate', (random) => ['r', '8_', random.text(37)].join('')],
  ['W&B', (random) => ['wandb', '_v1_', random.text(60)].join('')],
  ['AWS', (random) => ['AK', 'IA', random.text(16, `${LETTERS}234567`)].join('')],
  [
    'Slack',
    (random) =>
      ['xo', 'xb-', random.text(12, DIGITS), '-', random.text(12, DIGITS), '-', random.text(24)].join(''),
  ],
  [
    'JSON web token',
    (random) => ['ey', 'JhbGciOiJIUzI1NiJ9.', 'ey', 'J', random.text(40), '.', random.text(43)].join(''),
  ],
  ['Google API', (random) => ['AI', 'za', random.text(35)].join('')],
  ['npm', (random) => ['np', 'm_', random.text(36)].join('')],
  ['PyPI', (random) => ['py', 'pi-', 'AgEIcHlwaS5vcmc', random.text(128)].join('')],
  ['Stripe', (random) => ['sk', '_live_', random.text(24)].join('')],
  ['Databricks', (random) => ['da', 'pi', random.text(32, HEX)].join('')],
  ['SendGrid', (random) => ['S', 'G.', random.text(22), '.', random.text(43)].join('')],
  ['Shopify', (random) => ['shp', 'at_', random.text(32, HEX)].join('')],
  ['DigitalOcean', (random) => ['do', 'p_v1_', random.text(64, HEX)].join('')],
]

const NAMES: readonly string[] = (
  'api_key apiKey API_KEY password db_password PASSWORD passwd secret client_secret auth_token access_token ' +
  'token HF_TOKEN AWS_SECRET_ACCESS_KEY private_key wandb_api_key refresh_token encryption_key auth passphrase pwd'
).split(' ')

const SCHEMES: readonly string[] = [
  'postgres',
  'postgresql+psycopg2',
  'mysql',
  'redis',
  'https',
  'mongodb+srv',
  'amqp',
  's3',
]

/** Make secrets of all kinds: of a known shape, known by their names, and passwords in addresses. */
export function* plant(random: Characters): Generator<Planted, never> {
  for (let number = 0; ; number++) {
    const name = NAMES[random.below(NAMES.length)] ?? ''
    if (number % 4 === 3) {
      // Passwords may have any characters that an address allows.
      const secret = `${random.text(9)}-_.~${random.text(9)}`
      yield { kind: `named ${name}`, secret, text: secret, isNamed: true, name }
    } else if (number % 4 === 2) {
      const secret = `${random.text(14)}!$*+`
      const scheme = SCHEMES[random.below(SCHEMES.length)] ?? ''
      yield {
        kind: `address ${scheme}`,
        secret,
        text: `${scheme}://user:${secret}@host.example/x`,
        isNamed: false,
        name,
      }
    } else {
      const [kind, make] = SHAPES[random.below(SHAPES.length)] ?? ['', () => '']
      const secret = make(random)
      yield { kind, secret, text: secret, isNamed: false, name }
    }
  }
}

/** Return the forms in which a secret can stand in bytes. */
export function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret)
  // In base64, the three alignments have nothing in common; the characters at the ends depend on the neighbours.
  const base64 = [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const core = text.slice(offset === 0 ? 0 : 4, -1)
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const texts = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...base64,
  ]
  return [...new Set(texts)].map((text) => Buffer.from(text))
}
