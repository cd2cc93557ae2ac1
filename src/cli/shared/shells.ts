/**
 * The scripts that complete commands in shells. They only ask `lineaprint completion`, and show what it answers: a line
 * with the kind of paths that the shell adds and the characters before them, then a line per value.
 *
 * Values are names that somebody chose. No script evaluates them.
 */

/** A shell that has a script. */
export type Shell = 'bash' | 'zsh' | 'fish'

/** Return a script as it is written here. Only `\$` stands for a dollar sign, since the template would read `${`. */
function script({ raw }: TemplateStringsArray): string {
  return raw.join('').replaceAll('\\$', () => '$')
}

// Bash breaks words at characters such as "=" and ":" and replaces only what is behind the last one. The words are
// joined again, and what stands before that character is cut from the values.
const BASH = script`# lineaprint completion for bash
_lineaprint() {
  local -a words=() values=()
  local rest="\${COMP_LINE:0:COMP_POINT}" trimmed piece index word plain quote='' head='' paths skip value text
  for ((index = 0; index <= COMP_CWORD; index++)); do
    trimmed="\${rest#"\${rest%%[![:space:]]*}"}"
    if ((index == 0)) || [[ $trimmed != "$rest" ]]; then words+=(''); fi
    rest="$trimmed"
    piece="\${COMP_WORDS[index]}"
    if ((index == COMP_CWORD)); then piece="$rest"; fi
    words[\${#words[@]}-1]+="$piece"
    rest="\${rest#"$piece"}"
  done
  word="\${words[\${#words[@]}-1]}"
  [[ $word == *[\"\']* ]] && quote=1
  # Quotes and backslashes of the user are no part of a name.
  for index in "\${!words[@]}"; do
    words[index]="\${words[index]//[\"\'\\]/}"
  done
  plain="\${words[\${#words[@]}-1]}"
  # Of the word, bash replaces the last piece, and nothing of one that only is such a character.
  if [[ $piece == [=:]* ]]; then head="$plain"; else head="\${plain%"$piece"}"; fi
  # It breaks words at "@" as well, and then replaces the "@".
  head="\${head%@}"
  COMPREPLY=()
  {
    read -r paths skip
    while IFS=$'\t' read -r value text; do
      # Between quotes, nothing is put in that could end them or be expanded.
      if [[ -n $quote ]]; then
        [[ $value == *[\"\'\\\$\`!]* ]] && continue
      else
        value="\${value#"$head"}"
        [[ $paths == none ]] && printf -v value '%q' "$value"
      fi
      COMPREPLY+=("$value")
    done
  } < <(command lineaprint completion bash --complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${paths:-none} == none ]] && return 0
  compopt -o filenames 2>/dev/null
  text="\${plain:skip}"
  case $paths in
    folders) text="$(compgen -d -- "$text")" ;;
    command)
      if [[ $text == */* ]]; then text="$(compgen -f -- "$text")"; else text="$(compgen -c -- "$text")"; fi
      ;;
    *) text="$(compgen -f -- "$text")" ;;
  esac
  while IFS= read -r value; do
    [[ -n $value ]] && COMPREPLY+=("$value")
  done <<< "$text"
  return 0
}
complete -F _lineaprint lineaprint
`

const ZSH = script`#compdef lineaprint
# lineaprint completion for zsh
_lineaprint() {
  local -a lines values shown
  local line text paths skip
  lines=("\${(@f)$(command lineaprint completion zsh --complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  read -r paths skip <<< "\${lines[1]:-files 0}"
  for line in "\${(@)lines[2,-1]}"; do
    text="\${line%%$'\t'*}"
    [[ -z $text ]] && continue
    values+=("$text")
    if [[ -n \${line#*$'\t'} ]]; then shown+=("$text  \${line#*$'\t'}"); else shown+=("$text"); fi
  done
  (( \${#values} )) && compadd -l -d shown -a -- values
  [[ $paths == none ]] && return 0
  (( skip > 0 )) && compset -p $skip
  case $paths in
    files) _files ;;
    folders) _files -/ ;;
    command) _alternative 'commands:command:_command_names -e' 'files:file:_files' ;;
  esac
}
if [[ \${funcstack[1]} == _lineaprint ]]; then _lineaprint "$@"; else compdef _lineaprint lineaprint; fi
`

const FISH = script`# lineaprint completion for fish
function __lineaprint_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lines (command lineaprint completion fish --complete -- $words[2..-1] $word 2>/dev/null)
    set -l head (string split ' ' -- "$lines[1]")
    for line in $lines[2..-1]
        echo -- $line
    end
    set -l part (string sub -s (math 1 + "$head[2]") -- $word)
    set -l before (string sub -l "$head[2]" -- $word)
    switch "$head[1]"
        case files
            for path in (__fish_complete_path $part)
                echo -- $before$path
            end
        case folders
            for path in (__fish_complete_directories $part '')
                echo -- $before$path
            end
        case command
            __fish_complete_command
            __fish_complete_path $part
    end
end
complete -c lineaprint -f -a '(__lineaprint_complete)'
`

/** The script of each shell. */
export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
