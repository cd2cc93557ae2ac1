/** A question to the person at the terminal. */
import { once } from 'node:events'
import { stderr, stdin } from 'node:process'

/**
 * Ask for a yes. Without a terminal on both sides nobody is asked, and the answer is no.
 *
 * @param text The question, which ends in a space.
 * @throws The reason of the signal.
 */
export async function askYes(text: string, signal: AbortSignal): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return false
  const { createInterface } = await import('node:readline/promises')
  // Not as a terminal: the system edits the line, and Ctrl-C reaches this process as a signal.
  const terminal = createInterface({ input: stdin, output: stderr, terminal: false })
  try {
    // The end of the input is no answer, and the question would wait forever.
    const closed = once(terminal, 'close', { signal }).then(() => '')
    const answer = await Promise.race([terminal.question(text, { signal }), closed])
    return /^\s*y(?:es)?\s*$/i.test(answer)
  } catch (error) {
    // Ctrl-C has the same message in every command.
    signal.throwIfAborted()
    throw error
  } finally {
    terminal.close()
  }
}
