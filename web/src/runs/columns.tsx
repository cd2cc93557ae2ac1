/** The choice of columns. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { shown } from '../shared/text.ts'
import { quoted } from './filter.tsx'

interface ColumnsProps {
  readonly columns: readonly string[]
  readonly isAuto: boolean
  readonly names: { readonly parameters: readonly string[]; readonly metrics: readonly string[] }
  readonly onChange: (columns: readonly string[]) => void
}

/** Names that are listed at once. */
const SHOWN = 200

/** A menu with all parameters and metrics of the store. */
export function Columns({ columns, isAuto, names, onChange }: ColumnsProps) {
  const [search, setSearch] = useState('')
  const menu = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const close = (event: Event): void => {
      const isInside = event.target instanceof Node && menu.current?.contains(event.target) === true
      const isEscape = event instanceof KeyboardEvent && event.key === 'Escape'
      if (menu.current !== null && (isEscape || (event.type === 'pointerdown' && !isInside)))
        menu.current.open = false
    }
    document.addEventListener('pointerdown', close)
    document.addEventListener('keydown', close)
    return () => {
      document.removeEventListener('pointerdown', close)
      document.removeEventListener('keydown', close)
    }
  }, [])
  const all = [
    ...names.metrics.map((name) => `metrics.${quoted(name)}`),
    ...names.parameters.map((name) => `params.${quoted(name)}`),
    'duration',
    'notes',
    'command',
    'parent',
    'inputs',
    'outputs',
  ]
  const own = new Set(columns.map(plain))
  const matching = all.filter((name) => name.toLowerCase().includes(search.toLowerCase()))
  const toggle = (name: string, isChosen: boolean): void =>
    onChange(isChosen ? [...columns, name] : columns.filter((other) => plain(other) !== plain(name)))
  return (
    <details class="menu" ref={menu}>
      <summary class="button">Columns</summary>
      <div class="menu-body">
        <label class="check">
          <input
            type="checkbox"
            checked={isAuto}
            onChange={(event) => onChange(event.currentTarget.checked ? [] : columns)}
          />
          those in which the runs differ
        </label>
        <input
          type="search"
          aria-label="Search columns"
          placeholder="search"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <div class="menu-list">
          {matching.slice(0, SHOWN).map((name) => (
            <label class="check" key={name}>
              <input
                type="checkbox"
                checked={own.has(plain(name))}
                onChange={(event) => toggle(name, event.currentTarget.checked)}
              />
              {shown(name, 80)}
            </label>
          ))}
          {matching.length > SHOWN && <p class="dim">{matching.length - SHOWN} more; search for them</p>}
          {matching.length === 0 && <p class="dim">no field has this in its name</p>}
        </div>
      </div>
    </details>
  )
}

/** Return a name without quotation marks, as the server writes it. */
export function plain(name: string): string {
  return name.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_, inner: string) => inner.replaceAll(/\\(.)/g, '$1'))
}
