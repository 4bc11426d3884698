// Sends one query as bytes, so that a name may have any in its labels.
import { createSocket } from 'node:dgram'

export function ask(port, labels) {
  const name = Buffer.concat([...labels.map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)])), Buffer.from([0])])
  const query = Buffer.concat([Buffer.from([0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), name, Buffer.from([0, 1, 0, 1])])
  return new Promise((done, fail) => {
    const socket = createSocket('udp4')
    const over = setTimeout(() => { socket.close(); fail(new Error(`no answer from port ${port}`)) }, 5_000)
    socket.once('message', (answer) => { clearTimeout(over); socket.close(); done(answer) })
    socket.send(query, port, '127.0.0.1')
  })
}
