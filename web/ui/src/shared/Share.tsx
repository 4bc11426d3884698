/** A share of the whole for people: 12 %, 0.4 %, under 0.1 %. */
export function percent(share: number): string {
  if (share === 0) return '0 %'
  if (share < 0.001) return '< 0.1 %'
  const p = share * 100
  return p >= 99.95 && p < 100 ? '> 99.9 %' : `${p < 10 ? p.toFixed(1).replace(/\.0$/, '') : Math.round(p)} %`
}

/** Shares of a whole side by side, each in its colour; the words stand beside it. */
export function ShareBar({ parts, label }: { parts: readonly { name: string; share: number; color: string }[]; label: string }) {
  return (
    <div className="bar-track" role="img" aria-label={`${label}: ${parts.map((p) => `${p.name} ${percent(p.share)}`).join(', ')}`}>
      {parts.map((p) => <i key={p.name} style={{ width: `${p.share * 100}%`, background: p.color }} title={`${p.name}: ${percent(p.share)}`} />)}
    </div>
  )
}
