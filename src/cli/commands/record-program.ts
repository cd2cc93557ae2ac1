/**
 * `lineaprint record-program`: the recorder that a Python program starts beside itself with `start_run`. It is not
 * for people: it reads a request from stdin and answers in lines of JSON on stdout.
 */
import { writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { parseRequest } from '../../command/program-request.ts'
import { recordProgram } from '../../command/program-run.ts'
import { LineaprintError } from '../../core/errors.ts'
import { describeReported } from '../../record/reported-summary.ts'
import { reasonOf } from '../../record/failure.ts'
import type { CommandContext } from '../shared/context.ts'

/** Milliseconds between signs of life while a run starts, and while it ends. */
const SIGN_MS = 2000

/** Build the command. */
export function command(context: CommandContext): Command {
  return new Command('record-program').action(() => record(context))
}

async function record(context: CommandContext): Promise<void> {
  // Not while the program works: nobody reads then, and a pipe that is full blocks this process.
  let signs = startSigns()
  try {
    const request = parseRequest(await text(process.stdin))
    const listener = {
      onStarted: (started: object) => {
        clearInterval(signs)
        answer({ started })
      },
      onEnding: () => {
        signs = startSigns()
      },
    }
    const summary = await recordProgram(request, listener, context.signal)
    const { id, status, durationMs, warnings } = summary
    answer({ ended: { id, status, durationMs, warnings, reported: describeReported(summary) ?? null } })
  } catch (error) {
    const code = LineaprintError.is(error) ? error.code : 'ERR_LINEAPRINT_INTERNAL'
    answer({ error: { code, message: reasonOf(error) } })
    context.exit(3)
  } finally {
    clearInterval(signs)
  }
}

function startSigns(): NodeJS.Timeout {
  return setInterval(() => answer({ working: true }), SIGN_MS)
}

/** Write a line. The stream of Node would end this process once the program does not read any more. */
function answer(value: object): void {
  try {
    writeSync(1, `${JSON.stringify(value)}\n`)
  } catch {
    // The program is gone, so that nobody waits for the answer.
  }
}
