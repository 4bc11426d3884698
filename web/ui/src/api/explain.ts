import type { Schemas } from './client'

/** What a branch kept and dropped; each that was dropped is told with its reason. */
export interface Step {
  path: string
  kind: string
  kept?: string[]
  dropped?: string[]
}

/** How far a branch is from the client, in what counts there. */
export interface Leg {
  branch: string
  km: number
  ms?: number
  biased: number
  source?: string
}

/** An endpoint's health as it entered the decision. */
export interface StandingOf {
  endpoint: string
  region?: string
  measured: string
  status: string
  drained?: string
  forced?: string
  why?: string
  quorum?: string
}

/** An explanation in full: the contract names the parts that answers are made of, and lets explanations say more. */
export type Explained = Schemas['Explanation'] & {
  name: string
  type: string
  client: string
  service?: string
  zone?: string
  tier?: string
  assumed?: string[]
  place?: { country?: string; continent?: string; city?: string; subdivision?: string; asn?: number; lat: number; lon: number; located: boolean; source: string }
  branches?: Step[]
  distances?: Leg[]
  endpoints?: StandingOf[]
}
