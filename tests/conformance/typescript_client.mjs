// A client of the TypeScript SDK: connects, looks around, calls, reads, subscribes, and prints what
// it saw as one line of JSON.
//
//   node typescript_client.mjs legacy|auto|VERSION stdio COMMAND [ARG]...
//   node typescript_client.mjs legacy|auto|VERSION http URL TOKEN
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

const [era, door, target, ...rest] = process.argv.slice(2)

const transport =
  door === 'stdio'
    ? new StdioClientTransport({ command: target, args: rest, env: process.env })
    : new StreamableHTTPClientTransport(new URL(target), {
        requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } },
      })
const mode = era === 'legacy' || era === 'auto' ? era : { pin: era }
const client = new Client(
  { name: 'typescript', version: '1' },
  { versionNegotiation: { mode }, capabilities: { elicitation: {} } },
)
client.setRequestHandler('elicitation/create', async () => ({ action: 'decline' }))

const updated = new Promise((resolve) => {
  client.setNotificationHandler('notifications/resources/updated', (notice) =>
    resolve(notice.params.uri),
  )
})

async function call(name, args) {
  const result = await client.callTool({ name, arguments: args })
  if (result.isError) throw new Error(result.content[0].text)
  return result.structuredContent
}

await client.connect(transport)
const { tools } = await client.listTools()
const { prompts } = await client.listPrompts()
const { resourceTemplates } = await client.listResourceTemplates()
const { plugins } = await call('plugin_search', {})
const started = await call('run_start', { plugin: plugins[0].plugin, action: 'run', wait_s: 0 })
const uri = `run://${started.run_id}`
const seen = {
  version: client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion().name,
  tools: tools.map((tool) => tool.name),
  prompts: prompts.length,
  templates: resourceTemplates.length,
}
if (seen.version >= '2026-07-28') {
  const heard = await client.listen({ resourceSubscriptions: [uri] })
  seen.honoured = heard.honoredFilter.resourceSubscriptions
  seen.updated = await updated
  await heard.close()
} else {
  await client.subscribeResource({ uri })
  seen.updated = await updated
}
const ended = await call('run_status', { run_id: started.run_id, wait_s: 30 })
const { contents } = await client.readResource({ uri })
seen.status = ended.status
seen.read = JSON.parse(contents[0].text).status
console.log(JSON.stringify(seen))
await client.close()
