import { type ReactNode, useMemo } from 'react'

import type { Explained } from '../api/explain'
import { bare } from '../api/names'
import type { EndpointHealth } from '../api/standing'
import css from './Pipeline.module.css'
import { percent } from './Share'
import { StateIcon, stateWord, urgency } from './Status'
import { type SteerNode, kindWord } from './steering'

const most = 8 // endpoints of a pool
const fewest = 3 // of a large one that the client is not led to

interface Told { kept: Set<string>; dropped: Map<string, string>; km: Map<string, string>; share: Map<string, number> }

/** What an explanation says of each branch and endpoint, by its path or id. */
function read(x: Explained | undefined): Told | undefined {
  if (!x) return undefined
  const told: Told = { kept: new Set(), dropped: new Map(), km: new Map(), share: new Map() }
  for (const step of x.branches ?? []) {
    step.kept?.forEach((k) => told.kept.add(`${step.kind === 'pool' ? step.path : ''}|${k}`))
    for (const d of step.dropped ?? []) {
      const i = d.indexOf(': ')
      told.dropped.set(`${step.kind === 'pool' ? step.path : ''}|${i < 0 ? d : d.slice(0, i)}`, i < 0 ? '' : d.slice(i + 2))
    }
  }
  for (const leg of x.distances ?? []) told.km.set(leg.branch, leg.ms ? `${leg.ms.toFixed(0)} ms` : `${Math.round(leg.km).toLocaleString('en')} km`)
  for (const share of x.distribution) for (const e of share.endpoints ?? []) told.share.set(e, (told.share.get(e) ?? 0) + share.probability)
  return told
}

export interface PipelineProps {
  tree: SteerNode
  explained?: Explained // of one client; without it only the tree is drawn
  endpoints: Map<string, EndpointHealth[]> // by pool
  action?: (node: SteerNode) => ReactNode
}

/** A steering tree from the client to the endpoints, with what each branch keeps and drops for a client, and why. */
export function Pipeline({ tree, explained, endpoints, action }: PipelineProps) {
  const told = useMemo(() => read(explained), [explained])
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label="The steering tree">
      <div className={css.flow}><Node node={tree} told={told} kept={told && true} endpoints={endpoints} action={action} /></div>
    </div>
  )
}

interface NodeProps extends Omit<PipelineProps, 'tree' | 'explained'> { node: SteerNode; told?: Told; kept?: boolean; reason?: string }

function Node({ node, told, kept, reason, endpoints, action }: NodeProps) {
  const members = node.pool ? endpoints.get(node.pool) ?? [] : []
  const shown = members.length > most ? members.toSorted((a, b) => urgency[a.state] - urgency[b.state]).slice(0, kept === false ? fewest : most) : members // what is not well is not hidden
  const hidden = members.filter((e) => e.state !== 'up').length - shown.filter((e) => e.state !== 'up').length
  const km = told?.km.get(node.path)
  return (
    <div className={css.node}>
      <div className={css.box} data-kept={kept}>
        <div className={css.kind}><span className={node.pool ? 'mono' : undefined}>{node.pool ?? node.kind}{node.template && <span className={css.note}> · template {node.template}</span>}</span>{action?.(node)}</div>
        <div className={css.note}>{[node.note, km, !node.pool && !node.note ? kindWord[node.kind] : '', node.minAvailable && node.minAvailable > 1 ? `at least ${node.minAvailable}` : '', node.fence ? 'fenced' : ''].filter(Boolean).join(' · ')}</div>
        {kept === false && reason && <span className={css.reason}>{reason}</span>}
        {shown.length > 0 && (
          <ul className={css.members}>
            {shown.map((e) => {
              const state = e.state
              const out = told?.dropped.get(`${node.path}|${e.endpoint}`)
              const share = kept ? told?.share.get(e.endpoint) : undefined
              return (
                <li key={e.endpoint} data-kept={told && kept ? out === undefined : undefined} title={out ? `dropped: ${out}` : stateWord[state]}>
                  <StateIcon state={state} size={10} /><span className="mono">{bare(e.endpoint).split('/')[1]}</span><span className="visually-hidden">{stateWord[state]}</span>
                  <span className="num">{share ? percent(share) : out ?? ''}</span>
                </li>
              )
            })}
            {members.length > shown.length && <li>and {members.length - shown.length} more{hidden === members.length - shown.length ? ', not well either' : hidden > 0 && `, ${hidden} not well`}</li>}
          </ul>
        )}
      </div>
      {node.children.length > 0 && <><div className={css.lead} /><div className={css.children}>
        {node.children.map((c) => {
          const chosen = told && kept ? told.kept.has(`|${c.path}`) : told ? false : undefined
          return (
            <div key={c.path} className={css.edge} data-kept={chosen}>
              <Node node={c} told={told} kept={chosen} reason={kept === false ? undefined : told?.dropped.get(`|${c.path}`)} endpoints={endpoints} action={action} />
            </div>
          )
        })}
      </div></>}
    </div>
  )
}
