"""A simulator of every gift-card provider: one process, real HTTP, a book that survives `kill -9`.

`/giftcard-partners/v1`, `/tremendous/api/v2`, `/tango/raas/v2`, `/giftbit/papi/v1` and `/runa/v2`
answer as those providers do. It shares no module with the adapters, so that the two can only agree
by way of the wire. Each provider's own file says what is documented and what is assumed.

`/_control` (JSON; `provider` left out means all; all of it but `hold` survives a kill):

* `GET book?provider=&all=true` one row a card that was promised or issued: `state` is pending,
  issued or cancelled (with `all`, also failed and awaiting_funds); `amount` and `charged` are
  minor units; `status` and `delivery` are the provider's own words
* `PUT faults {seed, rates, statuses, slow_seconds}` on the calls that create orders and on
  outgoing webhooks; see `faults.py`
* `PUT delivery {seconds, outcome}` delivered, bounced, failed, never, or a word of the provider's
  own that is then shown as it stands; it also applies to orders under way
* `PUT funds {provider, amount}` · `PUT rate {per_second}` 429 above it · `PUT credentials
  {accept, status}` · `PUT tokens {seconds, revoke}` · `PUT keys {seconds}` how long Tango and Runa
  remember a key · `PUT webhook {url, secret}` the account's webhook (Tremendous, Runa)
* `PUT hold {point: received|committed|answered|null, count}` · `GET hold` see `hold.py`
* `POST tamper {provider, change, remove, add}` see `tamper.py`
* `GET stats` counts of calls and webhooks · `DELETE /_control` empties everything"""
