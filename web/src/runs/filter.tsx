/** The filter of the list: the language of `--where`, with completion, and an error at its column. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../shared/api.ts'
import { shown } from '../shared/text.ts'
import type { RefObject } from 'preact'

/** Fields that every run has. */
const FIELDS = [
  'id',
  'name',
  'run_name',
  'status',
  'parent',
  'notes',
  'command',
  'started',
  'finished',
  'duration',
  'tags',
  'inputs',
  'outputs',
]

const WORD = /[\p{L}_][\p{L}\p{N}_/:@%+.\-"]*$/u

/** Suggestions that are shown. */
const SHOWN = 8

interface FilterProps {
  readonly where: string
  readonly names: { readonly parameters: readonly string[]; readonly metrics: readonly string[] }
  readonly error: unknown
  readonly input: RefObject<HTMLInputElement | null>
  readonly onChange: (where: string) => void
}

/** The field in which a filter is written. It is applied a moment after the last key. */
export function Filter({ where, names, error, input, onChange }: FilterProps) {
  const [text, setText] = useState(where)
  const [choices, setChoices] = useState<readonly string[]>([])
  const [choice, setChoice] = useState(0)
  const timer = useRef(0)
  useEffect(() => setText(where), [where])
  const apply = (value: string, wait: number): void => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => onChange(value), wait) as unknown as number
  }
  const change = (value: string): void => {
    setText(value)
    setChoices(suggestions(value.slice(0, input.current?.selectionStart ?? value.length), names))
    setChoice(0)
    apply(value, 350)
  }
  const complete = (chosen: string): void => {
    const end = input.current?.selectionStart ?? text.length
    const start = end - (WORD.exec(text.slice(0, end))?.[0].length ?? 0)
    const value = `${text.slice(0, start)}${chosen} ${text.slice(end).trimStart()}`
    setText(value)
    setChoices([])
    apply(value, 350)
    requestAnimationFrame(() => {
      input.current?.focus()
      input.current?.setSelectionRange(start + chosen.length + 1, start + chosen.length + 1)
    })
  }
  const press = (event: KeyboardEvent): void => {
    if (choices.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault()
      const step = event.key === 'ArrowDown' ? 1 : choices.length - 1
      setChoice((choice + step) % choices.length)
    } else if (choices.length > 0 && event.key === 'Tab' && !event.shiftKey) {
      event.preventDefault()
      complete(choices[choice] ?? '')
    } else if (event.key === 'Enter') {
      setChoices([])
      apply(text, 0)
    } else if (event.key === 'Escape') {
      if (choices.length > 0) setChoices([])
      else input.current?.blur()
    }
  }
  const column = columnOf(error)
  return (
    <div class="filter">
      <div class="filter-field">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Filter of the runs"
          aria-expanded={choices.length > 0}
          aria-controls="filter-choices"
          aria-autocomplete="list"
          aria-activedescendant={choices.length > 0 ? `filter-choice-${choice}` : undefined}
          aria-invalid={error !== undefined}
          aria-describedby={error === undefined ? undefined : 'filter-error'}
          placeholder={'metrics.loss < 0.3 and tags has "base"'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={text}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={press}
          onBlur={() => setChoices([])}
        />
        {text === '' ? (
          <kbd aria-hidden="true">/</kbd>
        ) : (
          <button
            type="button"
            class="icon-button"
            aria-label="Clear the filter"
            onClick={() => (setText(''), apply('', 0))}
          >
            ×
          </button>
        )}
      </div>
      <ul
        id="filter-choices"
        role="listbox"
        aria-label="Fields"
        class="choices"
        hidden={choices.length === 0}
      >
        {choices.map((name, index) => (
          <li
            key={name}
            id={`filter-choice-${index}`}
            role="option"
            aria-selected={index === choice}
            onMouseDown={(event) => {
              event.preventDefault()
              complete(name)
            }}
          >
            {shown(name, 80)}
          </li>
        ))}
      </ul>
      {error !== undefined && (
        <div class="filter-error" id="filter-error" role="alert">
          {column !== undefined && (
            <pre aria-hidden="true">{`${' '.repeat(Math.min(column - 1, 400))}▲`}</pre>
          )}
          <p>{messageOf(error)}</p>
        </div>
      )}
    </div>
  )
}

function columnOf(error: unknown): number | undefined {
  if (!(error instanceof ApiError) || error.details.where !== 'where') return undefined
  const column = /^column (\d+):/.exec(error.details.what)?.[1]
  return column === undefined ? undefined : Number(column)
}

function messageOf(error: unknown): string {
  if (error instanceof ApiError) return shown(error.details.what)
  return error instanceof Error ? error.message : String(error)
}

function suggestions(before: string, { parameters, metrics }: FilterProps['names']): string[] {
  // Inside a text there are no fields.
  if ((before.match(/"/g) ?? []).length % 2 === 1) return []
  const word = WORD.exec(before)?.[0]
  if (word === undefined || ['and', 'or', 'not', 'has', 'in'].includes(word)) return []
  const all = [
    ...FIELDS,
    ...metrics.map((name) => `metrics.${quoted(name)}`),
    ...parameters.map((name) => `params.${quoted(name)}`),
  ]
  const wanted = word.toLowerCase()
  const starts = all.filter((name) => name.toLowerCase().startsWith(wanted) && name !== word)
  const others = all.filter(
    (name) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted),
  )
  return [...starts, ...others].slice(0, SHOWN)
}

/** Return a name as an expression has it: in quotation marks if it is more than one word. */
export function quoted(name: string): string {
  if (/^[\p{L}_][\p{L}\p{N}_/:@%+-]*(?:\.[\p{L}\p{N}_][\p{L}\p{N}_/:@%+-]*)*$/u.test(name)) return name
  return `"${name.replaceAll(/["\\]/g, '\\$&')}"`
}
