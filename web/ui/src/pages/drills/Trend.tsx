import { Chart } from '../../shared/chart'
import { parseDuration, span } from '../../shared/Time'
import { type Report, began } from './words'

/** Recovery times of one plan over time, against what was expected then. */
export function Trend({ reports, height = 170 }: { reports: readonly Report[]; height?: number }) {
  const seconds = (d?: string) => (d ? parseDuration(d) / 1000 : null)
  const last = reports.at(-1)!
  const format = (v: number) => span(v * 1000)
  return (
    <Chart label={`Recovery time over ${reports.length} runs; the last took ${span(parseDuration(last.achieved))}`} height={height} format={format} times={reports.map((r) => began(r) / 1000)}
      lines={[
        { label: 'recovery', color: 'var(--m-accent)', values: reports.map((r) => seconds(r.achieved)), fill: true },
        ...(reports.some((r) => r.rto) ? [{ label: 'expected', color: 'var(--m-degraded)', values: reports.map((r) => seconds(r.rto)) }] : []),
      ]} />
  )
}
