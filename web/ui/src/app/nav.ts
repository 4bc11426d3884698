import IconActivity from '@tabler/icons-react/dist/esm/icons/IconActivityHeartbeat.mjs'
import IconChange from '@tabler/icons-react/dist/esm/icons/IconGitPullRequest.mjs'
import IconCluster from '@tabler/icons-react/dist/esm/icons/IconServer2.mjs'
import IconDrill from '@tabler/icons-react/dist/esm/icons/IconFlame.mjs'
import IconKey from '@tabler/icons-react/dist/esm/icons/IconKey.mjs'
import IconQueries from '@tabler/icons-react/dist/esm/icons/IconListSearch.mjs'
import IconServices from '@tabler/icons-react/dist/esm/icons/IconRoute.mjs'
import IconWhatIf from '@tabler/icons-react/dist/esm/icons/IconHelpHexagon.mjs'
import IconWorld from '@tabler/icons-react/dist/esm/icons/IconWorld.mjs'
import IconZones from '@tabler/icons-react/dist/esm/icons/IconDatabase.mjs'

/** The pages, in the order of the sidebar. `key` goes there after g. */
export const pages = [
  { to: '/', label: 'Overview', key: 'o', icon: IconWorld, about: 'The world now: regions, answers, what is wrong' },
  { to: '/services', label: 'Services', key: 's', icon: IconServices, about: 'Steered names and how they are answered' },
  { to: '/health', label: 'Health', key: 'h', icon: IconActivity, about: 'Endpoints as each vantage sees them' },
  { to: '/what-if', label: 'What-if', key: 'w', icon: IconWhatIf, about: 'What a client would be answered, and why' },
  { to: '/queries', label: 'Queries', key: 'q', icon: IconQueries, about: 'A sample of what is asked, as it comes in' },
  { to: '/drills', label: 'Drills', key: 'd', icon: IconDrill, about: 'Rehearsed failures and their reports' },
  { to: '/zones', label: 'Zones', key: 'z', icon: IconZones, about: 'Zones and their records' },
  { to: '/changes', label: 'Changes', key: 'c', icon: IconChange, about: 'Drafts, history, rollback and audit' },
  { to: '/cluster', label: 'Cluster', key: 'n', icon: IconCluster, about: 'Nodes, leader, lag and vantages' },
  { to: '/access', label: 'Access', key: 'a', icon: IconKey, about: 'Users, tokens, notifications, geographic data' },
] as const
