/** `lineaprint completion`: a script that completes commands in a shell, and the completions that it asks for. */
import { stdout } from 'node:process'
import { Argument, Command, Option } from 'commander'
import { indexedNames } from '../../database/runs.ts'
import { completionsOf } from '../shared/completions.ts'
import { printJson } from '../shared/output.ts'
import { SCRIPTS } from '../shared/shells.ts'
import { knownStore } from '../shared/store.ts'
import type { IndexedNames } from '../../database/runs.ts'
import type { Completions } from '../shared/completions.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'
import type { Shell } from '../shared/shells.ts'

interface Options extends CommonOptions {
  readonly complete?: boolean
}

const EXAMPLES = `
Completes commands, options, their values, and the runs, run names, experiments and tags of the store. Names come from
the index of the store, which "lineaprint list" brings up to date. Completing executes nothing of the folder.

Examples:
  source <(lineaprint completion bash)                                    # in ~/.bashrc
  source <(lineaprint completion zsh)                                     # in ~/.zshrc, after compinit
  lineaprint completion fish > ~/.config/fish/completions/lineaprint.fish`

/** Build the command. */
export function command(context: CommandContext): Command {
  return (
    new Command('completion')
      .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
      .addArgument(new Argument('[words...]', 'with --complete: the words of a command line'))
      // What the scripts call: the last word is the one that is completed.
      .addOption(new Option('--complete', 'print completions').hideHelp())
      .addHelpText('after', EXAMPLES)
      .action(async (shell: Shell, words: string[], options: Options) => {
        const script = SCRIPTS[shell]
        if (options.complete === true) stdout.write(written(await complete(words, context)))
        else if (options.json === true) printJson({ shell, script })
        else stdout.write(script)
      })
  )
}

/** Return the completions of a command line. Whatever fails, files are offered, and nothing is said. */
async function complete(words: readonly string[], { program }: CommandContext): Promise<Completions> {
  try {
    const before = words.slice(0, -1)
    const tree = await program(before[0] ?? '')
    const wanted: (string | undefined)[] = []
    const names = new Map<string | undefined, readonly IndexedNames[]>()
    const completed = (): Completions =>
      completionsOf(tree, before, words.at(-1) ?? '', (outputDir) => {
        wanted.push(outputDir)
        return names.get(outputDir) ?? []
      })
    const withoutNames = completed()
    if (wanted.length === 0) return withoutNames
    // Few words need the names of runs, and reading them takes time.
    for (const outputDir of new Set(wanted))
      names.set(outputDir, await indexedNames(knownStore({ outputDir })))
    return completed()
  } catch {
    return { paths: 'files', skip: 0, values: [] }
  }
}

/** Return completions as the scripts read them: a line about paths, and a line for each value. */
function written({ paths, skip, values }: Completions): string {
  return [`${paths} ${skip}`, ...values.map(([text, description]) => `${text}\t${description}`), ''].join(
    '\n',
  )
}
