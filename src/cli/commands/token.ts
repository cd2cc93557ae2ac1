/** `lineaprint token`: the tokens of the server of a team. */
import { Argument, Command, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { ROLES, checkProject } from '../../database/team/tokens.ts'
import { databaseAddress } from '../shared/database.ts'
import {
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  print,
  printError,
  printJson,
  table,
} from '../shared/output.ts'
import { localTime } from '../shared/time.ts'
import type { TeamAdministration } from '../../database/team/administration.ts'
import type { Role, TokenInfo } from '../../database/team/tokens.ts'
import type { CommonOptions } from '../shared/context.ts'

interface TokenOptions extends CommonOptions {
  readonly database?: string
  readonly project?: string
  readonly role: Role
  readonly name?: string
}

type Action = 'create' | 'list' | 'revoke'

const HELP = `
A token is printed only once, when it is created; the database keeps only its digest. A reader sees runs, a writer also adds
them, and an admin also removes them and reads the audit log. A revoked token is refused after at most five seconds.

Examples:
  lineaprint token create --project vision --role writer --name ci
  lineaprint token list --project vision
  lineaprint token revoke --project vision --name ci`

/** Build the command. */
export function command(): Command {
  return new Command('token')
    .addArgument(new Argument('<action>', 'what to do').choices(['create', 'list', 'revoke']))
    .option(
      '--database <address>',
      'database of the server, postgres://USER@HOST/DATABASE (default: LINEAPRINT_DATABASE)',
    )
    .option('--project <name>', 'project of the token')
    .addOption(new Option('--role <role>', 'what a new token allows').choices(ROLES).default('reader'))
    .option('--name <name>', 'name of the token, as the audit log shows it')
    .addHelpText('after', HELP)
    .action(async (action: Action, options: TokenOptions) => {
      const address = databaseAddress({ database: options.database })
      if (address === undefined) throw needed('--database', 'postgres://USER@HOST/DATABASE')
      const { TeamAdministration: Administration } = await import('../../database/team/administration.ts')
      const administration = Administration.open(address)
      try {
        await ACTIONS[action](administration, options)
      } finally {
        await administration.close()
      }
    })
}

const ACTIONS: Readonly<
  Record<Action, (administration: TeamAdministration, options: TokenOptions) => Promise<void>>
> = { create, list, revoke }

async function create(administration: TeamAdministration, options: TokenOptions): Promise<void> {
  const { role, json } = options
  const { project, name } = named(options)
  const made = await administration.createToken({ project, role, name })
  await audit(administration, 'token.create', made)
  if (json === true) return printJson(made)
  print(made.token)
  printError(
    'lineaprint: it is not shown again; give it to a program as LINEAPRINT_TOKEN or with --token-file',
  )
}

async function list(administration: TeamAdministration, { project, json }: TokenOptions): Promise<void> {
  const tokens = await administration.listTokens(project === undefined ? undefined : checkProject(project))
  if (json === true) return printJson({ tokens })
  print(isTerminal() ? terminalTable(tokens) : table(tokens.map(cellsOf)))
}

/** Return the cells of a token for a program: each field in a column of its own. */
function cellsOf({ project, name, role, createdAt, usedAt, revokedAt }: TokenInfo): string[] {
  const state = revokedAt === null ? 'in force' : `revoked ${revokedAt}`
  return [project, name, role, createdAt, usedAt ?? 'never used', state].map((cell) => escapeText(cell))
}

/** Columns of a terminal below which the times at which tokens were made are left out. */
const ROOM_FOR_TIMES = 64

/** Columns that a narrow terminal cuts. */
const CUTTABLE: ReadonlySet<number> = new Set([0, 1, 3, 4])

function terminalTable(tokens: readonly TokenInfo[]): string {
  const hasTimes = lineWidth() >= ROOM_FOR_TIMES
  const rows = tokens.map(({ project, name, role, createdAt, usedAt, revokedAt }) => [
    escapeText(project),
    escapeText(name),
    role,
    ...(hasTimes ? [localTime(createdAt)] : []),
    revokedAt !== null
      ? paint('red', `revoked ${localTime(revokedAt)}`)
      : usedAt === null
        ? 'never used'
        : `used ${localTime(usedAt)}`,
  ])
  const head = ['project', 'name', 'role', ...(hasTimes ? ['made'] : []), 'state']
  return table(rows, head, CUTTABLE)
}

async function revoke(administration: TeamAdministration, options: TokenOptions): Promise<void> {
  const revoked = await administration.revokeToken(named(options))
  await audit(administration, 'token.revoke', revoked)
  if (options.json === true) return printJson(revoked)
  print(`${escapeText(revoked.name)} of ${revoked.project} is revoked`)
}

async function audit(
  administration: TeamAdministration,
  action: string,
  { project, name }: TokenInfo,
): Promise<void> {
  const time = new Date().toISOString()
  await administration.writeAudit([
    { time, project, token: null, address: 'lineaprint token', action, subject: name },
  ])
}

function named({ project, name }: TokenOptions): { readonly project: string; readonly name: string } {
  if (project === undefined) throw needed('--project', 'the name of a project')
  if (name === undefined) throw needed('--name', 'a name for the token')
  return { project: checkProject(project), name }
}

function needed(field: string, expected: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `token needs ${field}`, {
    field,
    expected,
    received: 'none',
  })
}
