/** Flags in the arguments of a call whose parsing may have failed. */
import type { Command } from 'commander'

/**
 * Tell whether a call has a flag such as `--json`. Words after `--`, the values of options, and the words of a wrapped
 * command are no flags of the call.
 *
 * @param words The arguments after the name of the command.
 * @param command The command, if it is known.
 */
export function hasFlag(flag: string, words: readonly string[], command: Command | undefined): boolean {
  let takesValue = false
  for (const word of words) {
    if (takesValue) {
      takesValue = false
      continue
    }
    if (word === flag) return true
    if (word === '--' || (isWrapping(command) && !word.startsWith('-'))) return false
    takesValue = optionOf(command, word)?.required ?? false
  }
  return false
}

/** Return the option that a word names, without a value in the word itself. */
function optionOf(command: Command | undefined, word: string): Command['options'][number] | undefined {
  return command?.options.find(({ long, short }) => word === long || word === short)
}

/** Tell whether the first operand of a command begins the words of another program. */
function isWrapping(command: Command | undefined): boolean {
  return command?.name() === 'run'
}
