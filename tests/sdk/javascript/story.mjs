// The seeds' story, told by Voucherify's official Node.js client and nothing of Guerdon:
//   node story.mjs URL APP_ID APP_TOKEN
// It prints one line a step and ends with 0 when every answer was the documented one.
import assert from 'node:assert/strict'
import voucherify from 'voucherify'

const [apiUrl, applicationId, clientSecretKey] = process.argv.slice(2)
const client = voucherify({ apiUrl, applicationId, clientSecretKey })
const run = Date.now().toString(36)
const name = (what) => `${what}-${run}`

const say = (step, what) => console.log(`${step}: ${what}`)

const refused = async (promise, status, key) => {
  const error = await promise.then(() => assert.fail('not refused'), (error) => error)
  assert.equal(error.code, status, JSON.stringify(error))
  assert.equal(error.key, key)
  return `${status} ${key}`
}

const campaignOf = (title, conversion) => ({
  name: title,
  campaign_type: 'REFERRAL_PROGRAM',
  type: 'AUTO_UPDATE',
  join_once: true,
  voucher: {
    type: 'DISCOUNT_VOUCHER',
    discount: { type: 'PERCENT', percent_off: 10 },
    code_config: { length: 8, prefix: 'REF-' }
  },
  referral_program: {
    ...conversion,
    referee_reward: { type: 'GIFT_VOUCHER', amount: '500' }
  }
})

const publish = async (title, referrer) => {
  const params = { campaign: { name: title, count: 1 }, customer: { source_id: referrer } }
  return (await client.distributions.publications.create(params)).voucher.code
}

// customer
const jane = await client.customers.create({ source_id: name('jane'), name: 'Jane', metadata: { plan: 'pro' } })
const read = await client.customers.get(jane.source_id)
assert.deepEqual(read.metadata, { plan: 'pro' })
say('customer', read.id)
say('refused', await refused(client.customers.get('nobody'), 404, 'resource_not_found'))

// campaign
const shop = await client.campaigns.create(campaignOf(name('shop'), { conversion_event_type: 'redemption' }))
assert.equal((await client.campaigns.get(shop.name)).id, shop.id)
say('campaign', shop.id)
say('refused', await refused(client.campaigns.create(campaignOf(shop.name, { conversion_event_type: 'redemption' })), 409, 'duplicate_found'))

// code
const code = await publish(shop.name, jane.source_id)
assert.equal(await publish(shop.name, jane.source_id), code)
assert.equal((await client.vouchers.get(code)).campaign, shop.name)
say('code', code)

// redemption
const order = { source_id: name('order'), amount: 4000 }
const redemption = await client.redemptions.redeem(code, { customer: { source_id: name('friend') }, order })
assert.equal(redemption.result, 'SUCCESS')
assert.equal(redemption.order.total_discount_amount, 400)
say('redemption', redemption.id)
say('refused', await refused(
  client.redemptions.redeem(code, { customer: { source_id: jane.source_id }, order: { amount: 1 } }),
  400, 'referrer_not_permitted_to_redeem'))
assert.equal((await client.redemptions.getForVoucher(code)).redeemed_quantity, 1)

// event
const club = await client.campaigns.create(campaignOf(name('club'), {
  conversion_event_type: 'custom_event', custom_event: { name: 'joined' }
}))
const clubCode = await publish(club.name, jane.source_id)
const event = await client.events.create('joined', {
  customer: { source_id: name('newcomer') }, referral: { code: clubCode }
})
assert.equal(event.type, 'joined')
assert.ok(event.referral.id)
say('event', event.referral.id)

// rollback
const rollback = await client.redemptions.rollback(redemption.id, 'refund')
assert.equal(rollback.redemption, redemption.id)
assert.equal((await client.redemptions.getForVoucher(code)).redeemed_quantity, 0)
say('rollback', rollback.id)
say('refused', await refused(client.redemptions.rollback(redemption.id, 'refund'), 400, 'already_rolled_back'))
