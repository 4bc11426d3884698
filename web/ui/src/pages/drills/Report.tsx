import { Alert, Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import css from './Drills.module.css'
import { Nodes, Residual } from './ReportParts'
import { Checks, Notes, Steps } from './Steps'
import { Trend } from './Trend'
import { type Report, after, compared, exact, failoverText, phaseOf, trend } from './words'

const route = getRouteApi('/app/drills/reports/$id')

export default function ReportPage() {
  const { id } = route.useParams()
  const q = useQuery(get('/reports/{id}', { params: { path: { id } } }))
  if (!q.data) return <Page title={`Report ${id}`}><Loaded of={q} lines={8}>{() => null}</Loaded></Page>
  return <Shown report={q.data.body} />
}

const moments = [['first', 'first probe failed'], ['decided', 'decided'], ['committed', 'in the log of a majority'], ['published', 'last node answers by it'], ['closed', 'TTL window closed'], ['restored', 'brought back'], ['recovered', 'all clients back'], ['ended', 'over']] as const

/** When it happened, from the decision on. */
function Times({ at }: { at: Schemas['ReportTimes'] }) {
  const from = at.decided ? new Date(at.decided).getTime() : undefined
  return (
    <ol className={css.times}>
      {moments.filter(([key]) => key !== 'first' || at.first).map(([key, word]) => {
        const t = at[key]
        return <li key={key} data-none={t ? undefined : true}><b>{!t ? '–' : from === undefined || key === 'decided' ? <Time at={t} /> : after(from, t)}</b>{word}</li>
      })}
    </ol>
  )
}

function Shown({ report }: { report: Report }) {
  const others = useQuery(get('/reports')).data?.body.items
  const of = useMemo(() => (others && report.plan ? trend(others, report.plan) : []), [others, report.plan])
  const at = of.findIndex((r) => r.id === report.id)
  const before = at > 0 ? of[at - 1] : undefined
  const runs = useQuery(get('/drills')).data?.body.items
  const than = compared(report.achieved, before?.achieved)
  const url = `/api/v1/reports/${report.id}`
  return (
    <Page title={report.title} status={<StatusBadge {...phaseOf(report.result)} size="md" />} lead={<>{report.kind === 'failover' ? 'What is known of a real failover' : 'What is known of this drill'} · <span className="mono">{report.targets.join(', ')}</span></>}
      actions={<><Save url={url} type="text/html" name={`report-${report.id}.html`}>HTML</Save><Save url={url} type="text/markdown" name={`report-${report.id}.md`}>Markdown</Save><CopyAs curl={{ path: `/reports/${report.id}` }} cli={`drill report ${report.id}`} json={report} /></>}>
      <dl className="facts">
        <div><dt>Recovery</dt><dd className="num">{report.achieved ? exact(parseDuration(report.achieved)) : 'it did not come to that'}</dd></div>
        <div><dt>Expected</dt><dd className="num">{report.rto ? span(parseDuration(report.rto)) : 'not said'}</dd></div>
        <div><dt>Held against it</dt><dd>{report.met === undefined ? 'nothing to compare' : <StatusBadge state={report.met ? 'up' : 'down'} word={report.met ? 'met' : 'missed'} />}</dd></div>
        <div><dt>Compared</dt><dd>{than && before ? <>{than} (<Go to="/drills/reports/$id" params={{ id: before.id }} className="mono">{before.id}</Go>)</> : 'the first of its plan'}</dd></div>
        <div><dt>{report.kind === 'drill' ? 'Plan and run' : 'Kind'}</dt><dd>{report.plan ? <Go to="/drills/plans/$name" params={{ name: report.plan }} className="mono">{report.plan}</Go> : report.kind}{report.drill && <> <Go to="/drills/$id" params={{ id: report.drill }} className="mono">{report.drill}</Go></>}</dd></div>
        <div><dt>By</dt><dd>{runs?.find((d) => d.id === report.drill)?.actorName || report.actor || 'itself'}</dd></div>
        {report.reason && <div><dt>Why</dt><dd>{report.reason}</dd></div>}
      </dl>
      {report.problem && <Alert variant="light" color={phaseOf(report.result).state === 'down' ? 'red' : 'yellow'} title={report.code ?? 'It did not end well'}><Text size="sm">{report.problem}</Text></Alert>}
      {report.missing?.length ? <Alert variant="light" color="yellow" title="Not all is known"><Text size="sm"><span className="mono">{report.missing.join(', ')}</span> could not be asked. When all had published, when the TTL window closed and what was achieved is not known for that.</Text></Alert> : null}
      {report.cut && <Alert variant="light" color="yellow" title="It is cut"><Text size="sm">There was more than the 64 KiB that a report may have: steps, checks, nodes or entries of the timeline are left out.</Text></Alert>}
      <Panel title="When" note={failoverText(report.at)}><Times at={report.at} /></Panel>
      <div className={css.two}>
        <div>
          {report.steps?.length ? <Panel title="Steps"><Steps steps={report.steps} /></Panel> : null}
          {report.nodes?.length ? <Panel title="Each node's part" note="what it answered with, and what others saw of it as clients"><Nodes nodes={report.nodes} at={report.at} /></Panel> : null}
          {report.residual && <Panel title="Who came after the window" note={report.residual.clients ? `${report.residual.clients} network${report.residual.clients === 1 ? '' : 's'}, ${report.residual.count} times` : undefined}><Residual of={report.residual} /></Panel>}
          {of.length > 1 && <Panel title="Over time" note={`${of.length} runs of this plan`}><Trend reports={of} /></Panel>}
          {report.checks?.length ? <Panel title={report.kind === 'drill' ? 'Preflight' : 'What safety rules did'}><Checks checks={report.checks} /></Panel> : null}
        </div>
        <div><Panel title="Timeline"><Notes notes={report.timeline ?? []} /></Panel></div>
      </div>
    </Page>
  )
}

/** Saves the report as the API renders it. */
function Save({ url, type, name, children }: { url: string; type: string; name: string; children: string }) {
  const [failed, setFailed] = useState<string>()
  const save = async () => {
    setFailed(undefined)
    const res = await fetch(url, { headers: { Accept: type }, credentials: 'same-origin' }).catch(() => undefined)
    if (!res?.ok) return setFailed(res ? `Not saved: the node answered ${res.status}.` : 'Not saved: this node does not answer.')
    const href = URL.createObjectURL(await res.blob())
    const a = Object.assign(document.createElement('a'), { href, download: name })
    a.click()
    setTimeout(() => URL.revokeObjectURL(href), 10_000)
  }
  return <>{failed && <Text size="sm" c="var(--m-down-text)" role="alert">{failed}</Text>}<Button size="compact-sm" variant="default" onClick={() => void save()}>{children}</Button></>
}
