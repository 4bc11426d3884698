// Light or dark, before anything is drawn: Mantine, which sets the same attribute, comes later. This module imports nothing.
export const schemeKey = 'meridian-scheme'

export function setScheme() {
  let chosen: string | null = null
  try { chosen = localStorage.getItem(schemeKey) } catch { /* a browser that keeps nothing */ }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.mantineColorScheme = dark ? 'dark' : 'light'
}
