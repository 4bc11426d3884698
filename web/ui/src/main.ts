// What runs first, and is small: it asks for what the page will need while the code that needs it is on its way.
import { ahead } from './api/ahead'
import './app/mantine.css'
import 'virtual:theme.css'
import './app/theme.css'
import { setScheme } from './app/scheme'
import { first } from './first'

setScheme()
const page = first[location.pathname as keyof typeof first]
ahead(['/cluster', ...(page?.reads ?? [])])
void page?.code().catch(() => undefined) // who needs it asks again, and says so when it cannot be had
void import('./app/start').then((app) => app.start())
