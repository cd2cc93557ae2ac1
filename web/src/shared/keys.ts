/** The keys of the page. Only keys of this list can act, so the list of `?` is all of them. */

/** Keys, where they act, and what they do. The words of keys that browsers know are in it too. */
export const KEYS = [
  {
    where: 'Everywhere',
    keys: [
      [['g'], 'runs'],
      [['m'], 'models'],
      [['d'], 'datasets'],
      [['l'], 'lineage of the run, model or dataset that is open'],
      [['/'], 'write a filter, a search or a name'],
      [['Escape'], 'leave a field, close what is open'],
      [['t'], 'system, light or dark'],
      [['?'], 'these keys'],
    ],
  },
  {
    where: 'In lists',
    keys: [
      [['j', 'ArrowDown'], 'next row'],
      [['k', 'ArrowUp'], 'previous row'],
      [['Enter', 'o'], 'open'],
      [['x'], 'choose the run for a comparison'],
      [['c'], 'compare the chosen runs'],
      [['Tab'], 'complete the field that is written'],
    ],
  },
  {
    where: 'One run or several',
    keys: [
      [['v'], 'verify'],
      [['0'], 'show the whole range of the pictures'],
    ],
  },
  {
    where: 'Lineage',
    keys: [
      [['ArrowLeft', 'ArrowRight'], 'along the lines'],
      [['ArrowUp', 'ArrowDown'], 'to the next node above or below'],
      [['Enter'], 'open the node'],
    ],
  },
] as const satisfies readonly {
  readonly where: string
  readonly keys: readonly (readonly [keys: readonly string[], words: string])[]
}[]

/** A key, as browsers name it. */
export type KeyName = (typeof KEYS)[number]['keys'][number][0][number]

const SIGNS: Readonly<Partial<Record<KeyName, string>>> = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  Enter: 'enter',
  Escape: 'esc',
  Tab: 'tab',
}

/** Return a key as it is shown. */
export function signOf(key: KeyName): string {
  return SIGNS[key] ?? key
}
