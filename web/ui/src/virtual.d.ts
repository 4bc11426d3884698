declare module 'virtual:world' {
  const world: { sphere: string; grid: string; countries: { code: string; name: string; d: string }[] }
  export default world
}
declare module 'virtual:theme.css'
