/** `lineaprint server`: the runs of a team. */
import { once } from 'node:events'
import { Command } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { serveTeam } from '../../server/team/serve.ts'
import { collect, wholeNumber } from '../shared/arguments.ts'
import { databaseAddress } from '../shared/database.ts'
import { escapeText, print, printError, printJson } from '../shared/output.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'

interface ServerOptions extends CommonOptions {
  readonly database?: string
  readonly objects: string
  readonly port: number
  readonly host: string
  readonly name: readonly string[]
  readonly trustedProxy: readonly string[]
  readonly rate: number
  readonly maxFile: number
}

const HELP = `
Serves the page and accepts runs, until Ctrl-C. Every request needs a token of "lineaprint token create". A folder and a
database belong to one server at a time. For TLS, put a proxy in front of it. docs/server.md shows this, and backups.

Examples:
  lineaprint server --database postgres://lineaprint@localhost/lineaprint --objects /var/lib/lineaprint
  lineaprint server --objects /srv/runs --host 0.0.0.0 --name runs.example.org`

/** Build the command. */
export function command({ signal }: CommandContext): Command {
  return new Command('server')
    .option(
      '--database <address>',
      'database in PostgreSQL, postgres://USER@HOST/DATABASE (default: LINEAPRINT_DATABASE)',
    )
    .requiredOption(
      '--objects <folder>',
      'folder for all runs and kept files; it is created if it does not exist',
    )
    .option('--port <number>', 'port; 0 for a free one', wholeNumber(0, 65_535), 8420)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--name <host>', 'name by which clients reach the server (repeatable)', collect, [])
    .option(
      '--trusted-proxy <address>',
      'address of a proxy whose X-Forwarded-For has the address of the client (repeatable)',
      collect,
      [],
    )
    .option(
      '--rate <number>',
      'requests per second that each token may send',
      wholeNumber(1, 1_000_000),
      1000,
    )
    .option('--max-file <gib>', 'longest file of a run, in GiB', wholeNumber(1, 1_000_000), 64)
    .addHelpText('after', HELP)
    .action(async (options: ServerOptions) => {
      const database = databaseAddress({ database: options.database })
      if (database === undefined)
        throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'server needs a database', {
          field: '--database',
          expected: 'postgres://USER@HOST/DATABASE, or the variable LINEAPRINT_DATABASE',
          received: 'none',
        })
      const { objects, port, host, name, trustedProxy, rate, maxFile, json } = options
      const server = await serveTeam({
        database,
        objects,
        port,
        host,
        names: name,
        trustedProxies: trustedProxy,
        requestsPerSecond: rate,
        fileLimit: maxFile * 2 ** 30,
        onProblem: (sentence) => printError(`lineaprint: ${escapeText(sentence)}`),
      })
      try {
        const link = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/`
        if (json === true) printJson({ link, port: server.port })
        else print(link)
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        await server.close()
      }
    })
}
