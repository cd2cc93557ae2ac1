/**
 * `lineaprint hash-tensors`: digests tensors of a Python program for `save_file`, `load_file` and `check_tensors`. It is not
 * for people: it talks to the program that started it.
 */
import { Command } from 'commander'
import { digestWindow } from '../../command/tensor-window.ts'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import type { CommandContext } from '../shared/context.ts'

/** Build the command. */
export function command(context: CommandContext): Command {
  return new Command('hash-tensors').action(() => hash(context))
}

async function hash(context: CommandContext): Promise<void> {
  const { stdin, stdout } = process
  // The program may be gone, so that nobody waits for the answer.
  stdout.on('error', () => process.exit(3))
  try {
    const hashed = await digestWindow(stdin, (dot) => stdout.write(dot))
    stdout.write(`${JSON.stringify({ hashed })}\n`)
  } catch (error) {
    const code = LineaprintError.is(error) ? error.code : 'ERR_LINEAPRINT_INTERNAL'
    stdout.write(`${JSON.stringify({ error: { code, message: reasonOf(error) } })}\n`)
    context.exit(3)
  } finally {
    stdin.destroy()
  }
}
