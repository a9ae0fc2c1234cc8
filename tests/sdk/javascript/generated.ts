// The main job, told by a client that was generated from /openapi.json, in TypeScript's strict mode:
//   node generated.js URL APP_ID APP_TOKEN
import { createClient } from './client/client'
import {
  trackEvent,
  createCampaign,
  getReferral,
  listGrants,
  publishCode,
  upsertCustomer
} from './client/sdk.gen'

declare const process: { argv: string[] }

const [baseUrl, appId, appToken] = process.argv.slice(2)
const client = createClient({
  baseUrl,
  headers: { 'X-App-Id': appId, 'X-App-Token': appToken }
})
const run = Date.now().toString(36)

const must = <T>(answer: { data?: T, error?: unknown }): T => {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error))
  return answer.data
}

const jane = must(await upsertCustomer({
  client, body: { source_id: `jane-${run}`, name: 'Jane', email: `jane-${run}@example.com` }
}))
const campaign = must(await createCampaign({
  client,
  body: {
    name: `generated-${run}`,
    referral_program: {
      conversion_event_type: 'custom_event',
      custom_event: { name: 'joined' },
      tiers: [{
        name: 'every friend',
        criterion: 'each_unique_referee',
        reward: { kind: 'gift_credits', amount: 500, currency: 'USD' }
      }]
    }
  }
}))
const publication = must(await publishCode({
  client, body: { campaign: { name: campaign.name }, customer: { source_id: `jane-${run}` } }
}))
const event = must(await trackEvent({
  client,
  body: {
    event: 'joined',
    customer: { source_id: `friend-${run}` },
    referral: { code: publication.voucher.code }
  }
}))
const refused = await trackEvent({
  client,
  body: {
    event: 'joined',
    customer: { source_id: `jane-${run}` },
    referral: { code: publication.voucher.code }
  }
})
if (refused.error?.key !== 'referrer_not_permitted_to_redeem') {
  throw new Error(JSON.stringify(refused.error))
}

const referralId = event.referral?.id
if (!referralId) throw new Error('no referral')
let status: string = ''
for (let tries = 0; status !== 'completed'; tries++) {
  if (tries > 300) throw new Error(`still ${status}`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  status = must(await getReferral({ client, path: { referral_id: referralId } })).status
}
const grants = must(await listGrants({ client, query: { recipient_id: jane.id } }))
if (grants.data.length !== 1 || grants.data[0]?.amount !== 500) {
  throw new Error(JSON.stringify(grants))
}
console.log(`customer ${jane.id}`)
console.log(`campaign ${campaign.id}`)
console.log(`referral ${referralId}: ${status}`)
console.log(`grant ${grants.data[0].id}: ${grants.data[0].status}`)
