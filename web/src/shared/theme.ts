/** Light or dark: as the system has it, unless another one is chosen. */

/** A choice. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'lineaprint.theme'
const ORDER: readonly Theme[] = ['system', 'light', 'dark']

/** Return the choice. */
export function chosenTheme(): Theme {
  const stored = localStorage.getItem(KEY)
  return ORDER.find((theme) => theme === stored) ?? 'system'
}

/** Apply a choice, and keep it. */
export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme)
  applyTheme()
}

/** Return the choice after another one. */
export function nextTheme(theme: Theme): Theme {
  return ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? 'system'
}

/** Apply the choice to the page. */
export function applyTheme(): void {
  const theme = chosenTheme()
  document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme
  window.dispatchEvent(new Event('lineaprint-theme'))
}
