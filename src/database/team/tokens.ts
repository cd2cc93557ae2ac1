/**
 * Tokens: who may do what in which project. A token is 256 random bits, so its digest tells nothing about it, and one
 * round of SHA-256 is enough. The token itself is shown once and stored nowhere.
 */
import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { LineaprintError } from '../../core/errors.ts'
import { randomBytes } from '../../core/random.ts'
import { checkName } from '../../json/copy.ts'
import type { RunConnection } from '../connection.ts'

/** Roles of tokens; each includes those before it. Deleting needs an admin. */
export const ROLES = ['reader', 'writer', 'admin'] as const

/** The role of a token. */
export type Role = (typeof ROLES)[number]

/** A token without its secret. */
export interface TokenInfo {
  readonly id: number
  readonly name: string
  readonly project: string
  readonly role: Role
  /** ISO 8601 in UTC. */
  readonly createdAt: string
  /** ISO 8601 in UTC, to within a minute; null if it was never used. */
  readonly usedAt: string | null
  readonly revokedAt: string | null
}

/** A token that was made. */
export interface NewToken extends TokenInfo {
  /** The secret. It cannot be read again. */
  readonly token: string
}

const TOKEN = /^lp_[A-Za-z0-9_-]{43}$/

const PROJECT = /^[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?$/

/** Characters of the longest name of a token. */
const NAME_LIMIT = 100

/** Check whether a text can be the name of a project: of a folder, and a part of the name of a schema. */
export function isProjectName(text: string): boolean {
  return PROJECT.test(text)
}

/** Check the name of a project. @throws ERR_LINEAPRINT_ARGUMENT. */
export function checkProject(text: string): string {
  if (isProjectName(text)) return text
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid name of a project', {
    field: 'project',
    expected: '1 to 40 of a-z, 0-9, "_" and "-", with a letter or digit at each end',
    received: JSON.stringify(text.slice(0, 80)),
  })
}

/** Check whether a role includes another. */
export function includesRole(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted)
}

/** Return the digest under which a token is stored; `undefined` for a text that is not a token. */
export function tokenHash(token: string): string | undefined {
  return TOKEN.test(token) ? hash('sha256', token) : undefined
}

interface TokenRow {
  readonly id: number
  readonly name: string
  readonly project: string
  readonly role: Role
  readonly created: Date
  readonly used: Date | null
  readonly revoked: Date | null
}

const COLUMNS = sql`id, name, project, role, created, used, revoked`

function infoOf({ id, name, project, role, created, used, revoked }: TokenRow): TokenInfo {
  return {
    id,
    name,
    project,
    role,
    createdAt: created.toISOString(),
    usedAt: used?.toISOString() ?? null,
    revokedAt: revoked?.toISOString() ?? null,
  }
}

/** Make a token. @throws ERR_LINEAPRINT_ARGUMENT for an invalid name, ERR_LINEAPRINT_STATE if it is taken. */
export async function createToken(
  { database }: RunConnection,
  { project, role, name }: { readonly project: string; readonly role: Role; readonly name: string },
): Promise<NewToken> {
  checkProject(project)
  checkName(name, 'name')
  if (name.length > NAME_LIMIT || /\p{C}/u.test(name))
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid name of a token', {
      field: 'name',
      expected: `at most ${NAME_LIMIT} characters that can be seen`,
      received: `${name.length} characters`,
    })
  const token = `lp_${randomBytes(32).toString('base64url')}`
  const { rows } =
    await sql<TokenRow>`insert into token (name, project, role, hash) values (${name}, ${project}, ${role}, ${tokenHash(token)}) on conflict do nothing returning ${COLUMNS}`.execute(
      database,
    )
  const [row] = rows
  if (row !== undefined) return { ...infoOf(row), token }
  throw new LineaprintError('ERR_LINEAPRINT_STATE', `the project ${project} has a token of this name`, {
    field: 'name',
    received: JSON.stringify(name),
    hint: 'choose another name, or revoke that token first',
  })
}

/** List tokens, also those that were revoked, in the order in which they were made. */
export async function listTokens({ database }: RunConnection, project?: string): Promise<TokenInfo[]> {
  const where = project === undefined ? sql`` : sql`where project = ${project}`
  const { rows } = await sql<TokenRow>`select ${COLUMNS} from token ${where} order by id`.execute(database)
  return rows.map(infoOf)
}

/** Revoke a token. @throws ERR_LINEAPRINT_NOT_FOUND if there is none of that name. */
export async function revokeToken(
  { database }: RunConnection,
  { project, name }: { readonly project: string; readonly name: string },
): Promise<TokenInfo> {
  const { rows } =
    await sql<TokenRow>`update token set revoked = now() where project = ${project} and name = ${name} and revoked is null returning ${COLUMNS}`.execute(
      database,
    )
  const [row] = rows
  if (row !== undefined) return infoOf(row)
  throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'no token of this name is in force', {
    field: 'name',
    received: JSON.stringify(name),
    hint: `"lineaprint token list" shows those of the project ${project}`,
  })
}

/** Return the token with a digest, unless it was revoked, and note that it was used. */
export async function useToken({ database }: RunConnection, hashed: string): Promise<TokenInfo | undefined> {
  const { rows } =
    await sql<TokenRow>`select ${COLUMNS} from token where hash = ${hashed} and revoked is null`.execute(
      database,
    )
  const [row] = rows
  if (row === undefined) return undefined
  // One write in a minute, however many requests there are.
  await sql`update token set used = now() where id = ${row.id} and (used is null or used < now() - interval '1 minute')`.execute(
    database,
  )
  return infoOf(row)
}

/** Return the names of the projects that have a token. */
export async function projectNames({ database }: RunConnection): Promise<string[]> {
  const { rows } = await sql<{
    project: string
  }>`select distinct project from token order by project`.execute(database)
  return rows.map(({ project }) => project)
}
