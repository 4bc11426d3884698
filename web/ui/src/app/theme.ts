import { createTheme } from '@mantine/core'

/** The look of it: dense, calm, of the system's own fonts. */
export const theme = createTheme({
  primaryColor: 'ocean',
  primaryShade: 7,
  colors: {
    dark: ['#d7dee6', '#b3bdc8', '#97a3b0', '#66727f', '#37414d', '#2a323d', '#1b222b', '#161b22', '#0f1318', '#0a0d11'],
    // White on the eighth, of buttons that take something away, has the contrast that text needs; Mantine's own has not.
    red: ['#fff5f5', '#ffe3e3', '#ffc9c9', '#ffa8a8', '#ff8787', '#ff6b6b', '#fa5252', '#d02f2f', '#bd2626', '#a61e1e'],
    ocean: ['#e6f5fa', '#cfe8f1', '#a0d0e2', '#6db7d3', '#46a3c6', '#2c96be', '#1b86ae', '#0b6b8a', '#075f7c', '#00526d'],
  },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif",
  fontFamilyMonospace: 'var(--mono)',
  fontSizes: { xs: '0.75rem', sm: '0.84rem', md: '0.92rem', lg: '1.05rem', xl: '1.2rem' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  components: {
    Button: { styles: { label: { fontWeight: 500 } } },
    Modal: { styles: { title: { fontWeight: 600, lineHeight: 1.35 } } },
    Alert: { styles: { title: { color: 'var(--mantine-color-text)' }, message: { color: 'var(--mantine-color-text)' } } },
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } }, // it is an element that no menu may have
    Tooltip: { defaultProps: { openDelay: 150 } },
  },
})
