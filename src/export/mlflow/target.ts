/** The target of an export: MLflow server, credentials and experiment. */
import type { MlflowOptions } from '../../config/outputs.ts'
import { LineaprintError } from '../../core/errors.ts'

/** A checked target. */
export interface MlflowTarget {
  /** Address without credentials and without a trailing `/`. */
  readonly trackingUri: string
  readonly experiment: string | undefined
  readonly timeoutMs: number
  /** The header `Authorization`; never written anywhere. */
  readonly authorization: string | undefined
}

/** Milliseconds that the end of a run may wait for a server. */
const TIMEOUT = 30_000

/**
 * Check the options and complete them from the variables that MLflow's own clients read: MLFLOW_TRACKING_URI,
 * and for credentials MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.
 * Credentials in the address work as well.
 *
 * @throws ERR_LINEAPRINT_CONFIGURATION if there is no address, or one of another kind.
 */
export function mlflowTarget(
  options: MlflowOptions,
  variables: Readonly<Record<string, string | undefined>>,
): MlflowTarget {
  const address = options.trackingUri ?? variables['MLFLOW_TRACKING_URI']
  const url = parseAddress(address)
  const named = url.username !== '' || url.password !== ''
  const authorization = named
    ? basic(decodeURIComponent(url.username), decodeURIComponent(url.password))
    : authorizationOf(variables)
  return {
    trackingUri: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    experiment: options.experiment,
    timeoutMs: options.timeoutMs ?? TIMEOUT,
    authorization,
  }
}

function parseAddress(address: string | undefined): URL {
  if (address === undefined || address === '') {
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'no MLflow server is configured', {
      field: 'trackingUri',
      hint: 'pass its address, or set MLFLOW_TRACKING_URI',
    })
  }
  const url = URL.parse(address)
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.search === '' && url.hash === '')
    return url
  // The address may contain a password, so it is not repeated.
  throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'not the address of an MLflow server', {
    field: 'trackingUri',
    expected: 'http://… or https://…',
    received: url === null ? 'something else' : `${url.protocol}…`,
    hint: 'to use a folder or database, start "mlflow server --backend-store-uri …"',
  })
}

function authorizationOf(variables: Readonly<Record<string, string | undefined>>): string | undefined {
  const { MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = variables
  const { MLFLOW_TRACKING_TOKEN: token } = variables
  if (user && password) return basic(user, password)
  return token ? `Bearer ${token}` : undefined
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
