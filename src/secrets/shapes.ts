/**
 * Shapes of secrets that can be recognised by sight: issuers give them prefixes for this purpose. A secret
 * without such a shape can only be recognised by the name that holds it (`names.ts`).
 */

/** The shape of one issuer's secrets. */
export interface SecretShape {
  /** Name used in warnings. */
  readonly name: string
  /** Substring of every such secret. Text without it skips the slower expression. */
  readonly hint: string
  /** Global; matches the secret and nothing around it. */
  readonly pattern: RegExp
}

/** Not preceded by a character of a longer word. */
const START = '(?<![A-Za-z0-9_-])'

function shape(name: string, hint: string, pattern: string): SecretShape {
  return { name, hint, pattern: new RegExp(START + pattern, 'g') }
}

/**
 * All known shapes. Each expression is one run of characters after a fixed start, so that backtracking is
 * bounded.
 */
export const SECRET_SHAPES: readonly SecretShape[] = [
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((start) =>
    shape('GitHub token', start, `${start}[A-Za-z0-9_]{20,255}`),
  ),
  shape('GitHub token', 'github_pat_', 'github_pat_[A-Za-z0-9_]{20,255}'),
  shape(
    'GitLab token',
    'gl',
    '(?:glpat|gldt|glrt|glptt|glcbt|glsoat|glagent|glft|glimt|gloas)-[A-Za-z0-9_.-]{20,255}',
  ),
  shape('Hugging Face token', 'hf_', 'hf_[A-Za-z0-9]{20,255}'),
  shape('Hugging Face token', 'api_org_', 'api_org_[A-Za-z0-9]{20,255}'),
  // A digit is required: long names such as those of scikit packages also start with `sk-`.
  shape('sk- key', 'sk-', 'sk-(?=[A-Za-z_-]{0,255}[0-9])[A-Za-z0-9_-]{20,255}'),
  shape('Groq key', 'gsk_', 'gsk_[A-Za-z0-9]{20,255}'),
  shape('xAI key', 'xai-', 'xai-[A-Za-z0-9]{20,255}'),
  shape('Perplexity key', 'pplx-', 'pplx-[A-Za-z0-9]{20,255}'),
  shape('Replicate token', 'r8_', 'r8_[A-Za-z0-9]{20,255}'),
  shape('Weights & Biases key', 'wandb_v', 'wandb_v[0-9]_[A-Za-z0-9_]{20,255}'),
  ...['AKIA', 'ASIA', 'ABIA', 'ACCA'].map((start) =>
    shape('AWS access key', start, `${start}[A-Z2-7]{16}(?![A-Za-z0-9])`),
  ),
  shape('Slack token', 'xox', 'xox[abeoprs](?:[.]xox[bp])?-[A-Za-z0-9-]{10,255}'),
  shape('Slack token', 'xapp-', 'xapp-[A-Za-z0-9-]{10,255}'),
  shape('Slack webhook', 'hooks.slack.com/', 'hooks\\.slack\\.com/[a-z]+/[A-Za-z0-9/_-]{20,255}'),
  shape('Discord webhook', '/api/webhooks/', 'discord(?:app)?\\.com/api/webhooks/[A-Za-z0-9/_-]{20,255}'),
  shape(
    'JSON web token',
    'eyJ',
    'eyJ[A-Za-z0-9_-]{8,8192}\\.eyJ[A-Za-z0-9_-]{4,8192}\\.[A-Za-z0-9_-]{0,8192}',
  ),
  shape('Google API key', 'AIza', 'AIza[A-Za-z0-9_-]{35}'),
  shape('Google token', 'ya29.', 'ya29\\.[A-Za-z0-9_-]{20,2048}'),
  shape('Google client secret', 'GOCSPX-', 'GOCSPX-[A-Za-z0-9_-]{20,255}'),
  shape('npm token', 'npm_', 'npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])'),
  shape('PyPI token', 'pypi-', 'pypi-[A-Za-z0-9_-]{50,1024}'),
  shape('Stripe key', '_live_', '[rs]k_live_[A-Za-z0-9]{16,255}'),
  shape('Stripe key', '_test_', '[rs]k_test_[A-Za-z0-9]{16,255}'),
  shape('Databricks token', 'dapi', 'dapi[0-9a-f]{32}(?:-[0-9])?(?![A-Za-z0-9])'),
  shape('DigitalOcean token', '_v1_', 'do[opr]_v1_[a-f0-9]{64}'),
  shape('SendGrid key', 'SG.', 'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,128}'),
  shape('Vault token', 'hvs.', 'hvs\\.[A-Za-z0-9_-]{20,255}'),
  shape('Tailscale key', 'tskey-', 'tskey-[a-z]+-[A-Za-z0-9-]{10,255}'),
  shape('Linear key', 'lin_api_', 'lin_api_[A-Za-z0-9]{20,255}'),
  shape('Docker token', 'dckr_', 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}'),
  shape('age key', 'AGE-SECRET-KEY-', 'AGE-SECRET-KEY-1[A-Z0-9]{20,255}'),
]

/** The lines of a private key, from its first line to its last or, if that is missing, to the end. */
export const PRIVATE_KEY: RegExp =
  /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^]*?(?:-----END [A-Z0-9 ]*-----|$)/g

/**
 * Find the first secret of a known shape in a text.
 *
 * @param text Any text; bytes may be given as Latin-1, since every shape is ASCII.
 * @returns The name of the shape, or `undefined`.
 */
export function findSecret(text: string): string | undefined {
  if (text.includes('PRIVATE KEY') && text.search(PRIVATE_KEY) >= 0) return 'private key'
  return SECRET_SHAPES.find(({ hint, pattern }) => text.includes(hint) && text.search(pattern) >= 0)?.name
}
